"""Stage two of the shuffle: reads the topic of slices in its order, and tells what follows.

How far the merged log may be released is decided by that order alone. Each partition gives its word: that nothing
older than its clock will come from it; and where it is read to its end, that nothing will come that is older than
anything said before. The log is released as far as the least of these words reaches, so what is told is the same
whenever, and in whatever pieces, the topic is read.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from config.promotions import PromotionRegister
from config.settings import Settings
from features.state import State, Stateful, gathered, restore
from models.warm_up import WarmUp
from stream.alert import Alert
from stream.assembly import Assembly
from stream.shuffle.block import read_block
from stream.shuffle.ledger import Ledger
from stream.shuffle.message import Message, Owned, Piece, Silence, Takeover, read_message
from stream.shuffle.slice_block import slice_of
from stream.stage_two import StageTwo


class Merge:
    """Merges what all workers send.

    Parameters
    ----------
    settings, promotions
        Everything that can be set, and the register of promotions.
    partitions
        How many partitions the orders have.
    """

    def __init__(self, settings: Settings, promotions: PromotionRegister, partitions: int) -> None:
        """Nothing was sent."""
        assembly = Assembly(settings, promotions)
        self._across = assembly.across(partitions)
        self._two = StageTwo(settings, assembly, self._across)
        self.ledger = Ledger(partitions)
        self._words = np.zeros(partitions, np.int64)
        self._position = 0

    @property
    def position(self) -> int:
        """The offset in the topic after the last message that was taken."""
        return self._position

    @property
    def clock_ms(self) -> int:
        """The event time that the partition farthest ahead has reached."""
        return self._two.clock_ms

    @property
    def held_back(self) -> dict[str, int]:
        """Family -> conditions that its budget of alerts has held back so far."""
        return self._two.held_back

    @property
    def warm_ups(self) -> dict[str, WarmUp]:
        """How far each series is that has to learn what is usual first."""
        return self._two.warm_ups

    def take(self, offset: int, value: bytes) -> list[Alert]:
        """Take the message at an offset of the topic. Raises `MessageRefused`."""
        message = read_message(value)
        self._position = offset + 1
        if not self.ledger.counts(message):
            return []
        self._enter(message)
        upto_ms = int(self._words.min())
        return self._two.told(self._two.release(upto_ms), upto_ms)

    def get_state(self) -> State:
        """All that was merged, and where the topic is read on."""
        own: State = {"words": self._words, "position": np.array([self._position])}
        return gathered({"reading": own} | {name: part.get_state() for name, part in self._parts().items()})

    def set_state(self, state: State) -> None:
        """Go on from such a state."""
        self._words, self._position = state["reading/words"].copy(), int(state["reading/position"][0])
        restore(self._parts(), state)

    def _parts(self) -> dict[str, Stateful]:
        return {**self._two.parts(), "ledger": self.ledger}

    def _enter(self, message: Message) -> None:
        match message:
            case Takeover():
                self._words[message.partition] = self._across.partition_clock_ms(message.partition)
            case Piece():
                self._two.add(slice_of(read_block(message.block)))
                self._words[message.partition] = self._across.partition_clock_ms(message.partition)
                self._believe(message.at_end)
            case Silence():
                self._two.hold(message.verdicts)
                self._across.advance(message.now_ms, message.partition)
                self._words[message.partition] = message.now_ms
            case _:
                self._believe(message.at_end)

    def _believe(self, at_end: Iterable[Owned]) -> None:
        """Take the word of partitions that are read to their ends: for all that was said so far."""
        for owned in at_end:
            if self.ledger.is_current(owned):
                self._words[owned[0]] = self._two.clock_ms + 1
