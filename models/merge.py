"""Columns of several partitions, merged into one log.

The place of a row is its partition's event-time clock, then partition, then offset. Clocks never run back, so
rows before a time that every clock has passed are complete, and their order is the same however they came.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np

from features.batch import I64
from features.order_slice import OrderSlice, Texts


@dataclass(slots=True)
class Placed:
    """Keys with the pane each is counted in, and the place of each in the merged log."""

    keys: Texts
    panes: I64
    clock_ms: I64
    partition: I64
    offset: I64

    def __len__(self) -> int:
        """Occurrences."""
        return len(self.keys)

    def take(self, rows: I64 | slice) -> Placed:
        """The rows given, in that order."""
        return Placed(*(getattr(self, field.name)[rows] for field in fields(self)))


def merge(pieces: list[Placed]) -> Placed:
    """All rows in the order of the merged log."""
    if len(pieces) == 1:
        return pieces[0]
    merged = Placed(*(np.concatenate([getattr(piece, field.name) for piece in pieces]) for field in fields(Placed)))
    return merged.take(np.lexsort((merged.offset, merged.partition, merged.clock_ms)))


P = TypeVar("P", Placed, OrderSlice)


def split(pieces: Iterable[P], upto_ms: int) -> tuple[list[P], list[P]]:
    """The rows before `upto_ms`, and the rest; each piece is in order.

    What still waits is only cut, never merged: a partition that is read far ahead of another costs nothing.
    """
    due, rest = [], []
    for piece in pieces:
        n = int(np.searchsorted(piece.clock_ms, upto_ms))
        if n:
            due.append(piece if n == len(piece) else piece.take(slice(0, n)))
        if n < len(piece):
            rest.append(piece if n == 0 else piece.take(slice(n, None)))
    return due, rest
