"""Stage one of the shuffle: some partitions of the orders, whose slices are written down as messages."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from config.promotions import PromotionRegister
from config.settings import Settings
from features.state import State, gathered, read_back, restore, written
from models.across import Slice
from models.verdict import Verdict
from stream.assembly import Assembly
from stream.dead_letter import DeadLetter
from stream.record import Record
from stream.shuffle.block import written_block
from stream.shuffle.message import AtEnd, Message, Owned, Piece, Silence, written_message
from stream.shuffle.slice_block import slice_arrays
from stream.stage_one import Judged, StageOne

_OUTBOX: Final = "outbox"


@dataclass(slots=True)
class Spoken:
    """What some records led to where they lie: `messages` are for the topic of slices, in their order."""

    messages: list[bytes] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    events: int = 0
    duplicates: int = 0
    late: int = 0

    def say(self, message: Message) -> None:
        """Add a message."""
        self.messages.append(written_message(message))

    def add(self, judged: Judged) -> None:
        """Count what was judged."""
        self.dead_letters += judged.dead_letters
        self.events += judged.events
        self.duplicates += judged.duplicates
        self.late += judged.late


@dataclass(slots=True)
class _Owned:
    """A partition that is ours.

    `offset` : after the last record that was judged. `sent` : up to where slices are in the topic. `silences` counts
    the times that it was told how late it is; `silence` is what the last one led to.
    """

    epoch: int
    offset: int
    sent: int
    silences: int = 0
    now_ms: int = 0
    silence: tuple[Verdict, ...] = ()


class Spread:
    """Judges the partitions that a worker has taken over.

    Parameters
    ----------
    settings, promotions
        Everything that can be set, and the register of promotions.
    partitions
        How many partitions the orders have.
    """

    def __init__(self, settings: Settings, promotions: PromotionRegister, partitions: int) -> None:
        """Own nothing."""
        assembly = Assembly(settings, promotions)
        self.stage = StageOne(settings, assembly, partitions, assembly.across(partitions))
        self._owned: dict[int, _Owned] = {}
        self._blank = {number: _copied(self.get_state(number)) for number in range(partitions)}

    @property
    def offsets(self) -> dict[int, int]:
        """Partition that is ours -> the offset after the last record that was judged."""
        return {partition: owned.offset for partition, owned in self._owned.items()}

    @property
    def clock_ms(self) -> int:
        """The event time that the farthest of our partitions has reached."""
        return max((self.stage.clock_ms(partition) for partition in self._owned), default=0)

    def take_over(self, partition: int, epoch: int, state: State | None, offset: int, sent: int) -> None:
        """Own a partition from a state that covers the records before `offset`; those before `sent` were told."""
        owned = _Owned(epoch, offset, sent)
        if state is not None:
            told = read_back(state[f"{_OUTBOX}.{partition}/silence"], tuple[int, int, tuple[Verdict, ...]])
            owned.silences, owned.now_ms, owned.silence = told
        restore(self.stage.parts(partition), self._blank[partition] if state is None else state)
        self._owned[partition] = owned

    def let_go(self) -> None:
        """Own nothing any more."""
        self._owned.clear()

    def forget(self, partition: int) -> None:
        """Own a partition no more."""
        del self._owned[partition]

    def process(self, partition: int, records: Sequence[Record], *, at_end: bool) -> Spoken:
        """Judge records of a partition that is ours; `at_end` : with them all of ours are read to their ends."""
        owned, spoken = self._owned[partition], Spoken()
        known = sum(record.offset < owned.sent for record in records)
        if known:
            self._judge(owned, partition, records[:known], spoken)
        ends = self._ends() if at_end else ()
        if known < len(records):
            piece = self._judge(owned, partition, records[known:], spoken)
            block = written_block(slice_arrays(piece))
            spoken.say(Piece(partition, owned.epoch, owned.sent, owned.offset, ends, block))
            owned.sent = owned.offset
        elif at_end:
            spoken.say(AtEnd(ends))
        return spoken

    def at_end(self) -> list[bytes]:
        """The word that all of ours are read to their ends."""
        return [written_message(AtEnd(self._ends()))] if self._owned else []

    def advance(self, now_ms: int) -> None:
        """Let event time pass in our partitions. What follows is told by `silences`, once the state is safe."""
        for partition, owned in self._owned.items():
            owned.silence = tuple(self.stage.advance(partition, now_ms))
            owned.silences, owned.now_ms = owned.silences + 1, self.stage.clock_ms(partition)

    def silences(self) -> list[bytes]:
        """What the last `advance` led to; to be said again after a takeover, since nobody knows whether it was."""
        return [
            written_message(Silence(partition, one.epoch, one.silences, one.now_ms, one.silence))
            for partition, one in self._owned.items()
            if one.silences
        ]

    def mark(self, partition: int) -> tuple[int, int]:
        """What the state of a partition covers: its records before an offset, and so many silences."""
        owned = self._owned[partition]
        return owned.offset, owned.silences

    def get_state(self, partition: int) -> State:
        """What was learned of a partition."""
        owned = self._owned.get(partition, _Owned(0, 0, 0))
        outbox: State = {"silence": written((owned.silences, owned.now_ms, owned.silence))}
        parts = {name: part.get_state() for name, part in self.stage.parts(partition).items()}
        return gathered({f"{_OUTBOX}.{partition}": outbox, **parts})

    def _judge(self, owned: _Owned, partition: int, records: Sequence[Record], spoken: Spoken) -> Slice:
        judged = self.stage.process(partition, records)
        owned.offset = records[-1].offset + 1
        spoken.add(judged)
        return judged.piece

    def _ends(self) -> tuple[Owned, ...]:
        return tuple((partition, owned.epoch) for partition, owned in self._owned.items())


def _copied(state: State) -> State:
    return {name: array.copy() for name, array in state.items()}
