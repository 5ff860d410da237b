"""Columns of several partitions, merged into one log.

The place of a row is its partition's event-time clock, then partition, then offset. Clocks never run back, so
rows before a time that every clock has passed are complete, and their order is the same however they came.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

import numpy as np

from features.batch import I64


@dataclass(slots=True)
class Placed:
    """Keys with the pane each is counted in, and the place of each in the merged log."""

    keys: list[str]
    panes: I64
    clock_ms: I64
    partition: I64
    offset: I64

    def take(self, rows: I64) -> Placed:
        """The rows given, in that order."""
        keys = [self.keys[i] for i in rows.tolist()]
        return Placed(keys, self.panes[rows], self.clock_ms[rows], self.partition[rows], self.offset[rows])


def merge(pieces: list[Placed]) -> Placed:
    """All rows in the order of the merged log."""
    if len(pieces) == 1:
        return pieces[0]
    panes, clock_ms, partition, offset = (
        np.concatenate([getattr(piece, name) for piece in pieces])
        for name in ("panes", "clock_ms", "partition", "offset")
    )
    merged = Placed([*chain.from_iterable(piece.keys for piece in pieces)], panes, clock_ms, partition, offset)
    order = np.lexsort((offset, partition, clock_ms))
    return merged if bool((order[1:] > order[:-1]).all()) else merged.take(order)


def split(piece: Placed, upto_ms: int) -> tuple[Placed, Placed | None]:
    """The rows before `upto_ms`, and the rest; the piece is in order."""
    n = int(np.searchsorted(piece.clock_ms, upto_ms))
    if n == len(piece.keys):
        return piece, None
    rows = np.arange(len(piece.keys))
    return piece.take(rows[:n]), piece.take(rows[n:])
