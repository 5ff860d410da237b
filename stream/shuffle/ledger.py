"""Which messages of the topic of slices count: the one rule that senders and the reader share."""

from __future__ import annotations

from typing import Final

import numpy as np

from features.state import State
from stream.shuffle.message import AtEnd, Message, Owned, Piece, Silence, Takeover

_UNKNOWN: Final = -1


class Ledger:
    """Reads the topic in its order, and says of each message whether it counts.

    A slice counts if the latest takeover of its partition is of its sender's epoch and it begins where the last one
    that counted ended. So nothing counts twice, whoever sends it again, and nothing is left out.

    >>> ledger = Ledger(1)
    >>> [ledger.counts(one) for one in (Takeover(0, 5, 0), Piece(0, 5, 0, 9, (), b""), Piece(0, 5, 0, 9, (), b""))]
    [True, True, False]
    >>> [ledger.counts(one) for one in (Takeover(0, 6, 0), Piece(0, 5, 9, 12, (), b""), Piece(0, 6, 9, 10, (), b""))]
    [True, False, True]
    """

    def __init__(self, partitions: int) -> None:
        """Nothing was sent."""
        self._epoch = np.zeros(partitions, np.int64)
        self._sent = np.full(partitions, _UNKNOWN, np.int64)
        self._silences = np.zeros(partitions, np.int64)

    def epoch(self, partition: int) -> int:
        """The epoch of the latest takeover; 0 before the first."""
        return int(self._epoch[partition])

    def sent(self, partition: int) -> int:
        """The offset up to which slices of a partition count so far; of one that was taken over before."""
        return int(self._sent[partition])

    def silences(self, partition: int) -> int:
        """How many silences count so far."""
        return int(self._silences[partition])

    def counts(self, message: Message) -> bool:
        """Take the next message of the topic; whether it counts."""
        match message:
            case Takeover():
                return self._take_over(message)
            case Piece():
                return self._follow(message)
            case Silence():
                return self._fall_silent(message)
            case AtEnd():
                return True

    def is_current(self, owned: Owned) -> bool:
        """Whether a partition is still of that epoch."""
        partition, epoch = owned
        return bool(self._epoch[partition] == epoch)

    def get_state(self) -> State:
        """Epochs and offsets by partition."""
        return {"epoch": self._epoch, "sent": self._sent, "silences": self._silences}

    def set_state(self, state: State) -> None:
        """Go on from these."""
        self._epoch, self._sent = state["epoch"].copy(), state["sent"].copy()
        self._silences = state["silences"].copy()

    def _take_over(self, takeover: Takeover) -> bool:
        if takeover.epoch <= self._epoch[takeover.partition]:
            return False
        self._epoch[takeover.partition] = takeover.epoch
        if self._sent[takeover.partition] == _UNKNOWN:
            self._sent[takeover.partition] = takeover.begins
        return True

    def _follow(self, piece: Piece) -> bool:
        if not self.is_current((piece.partition, piece.epoch)) or piece.begins != self.sent(piece.partition):
            return False
        self._sent[piece.partition] = piece.ends
        return True

    def _fall_silent(self, silence: Silence) -> bool:
        is_next = silence.number == self.silences(silence.partition) + 1
        if not self.is_current((silence.partition, silence.epoch)) or not is_next:
            return False
        self._silences[silence.partition] = silence.number
        return True
