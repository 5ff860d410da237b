"""How what leaves the partitions becomes one log: by event-time clock, then partition, then offset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np

from features.batch import I64


class Leaving(Protocol):
    """Rows that left one partition, in the order of its log; `clock_ms` is its event-time clock at each."""

    partition: int
    clock_ms: I64
    offset: I64


S = TypeVar("S", bound=Leaving)


@dataclass(frozen=True, slots=True)
class Part(Generic[S]):
    """The rows from `start` to `end` of what left a partition."""

    whole: S
    start: int
    end: int


def merged_order(parts: Sequence[Part[S]]) -> tuple[I64, I64, I64]:
    """The merged log of some parts: the place of each row in the parts behind one another, its part, its row there.

    Rows of one event keep their order.
    """

    def column(name: str) -> I64:
        return np.concatenate([getattr(part.whole, name)[part.start : part.end] for part in parts])

    piece = np.repeat(np.arange(len(parts)), [part.end - part.start for part in parts])
    row = np.concatenate([np.arange(part.start, part.end) for part in parts])
    partition = np.array([part.whole.partition for part in parts])[piece]
    order = np.lexsort((column("offset"), partition, column("clock_ms")))
    return order, piece[order], row[order]


def split(waiting: Sequence[Part[S]], upto_ms: int) -> tuple[list[Part[S]], list[Part[S]]]:
    """The rows before `upto_ms`, and the rest; what left a partition is in order.

    Nothing is copied: a partition that is read far ahead of another costs nothing.
    """
    due, rest = [], []
    for part in waiting:
        clocks = part.whole.clock_ms
        if clocks[part.start] >= upto_ms:
            rest.append(part)
        elif clocks[part.end - 1] < upto_ms:
            due.append(part)
        else:
            cut = int(np.searchsorted(clocks, upto_ms))
            due.append(Part(part.whole, part.start, cut))
            rest.append(Part(part.whole, cut, part.end))
    return due, rest
