"""A column of few different texts, each written once: it outlives the messages that the texts came in."""

from __future__ import annotations

from dataclasses import dataclass

import numba
import numpy as np

from features.batch import I64
from features.keys import Keys


@numba.njit(cache=True)
def _code(rows: I64, size: int) -> tuple[I64, I64, I64]:
    """Places of `rows` among those that occur, which occur, and how often."""
    code_of, present, counts = np.full(size, -1, np.int64), np.empty(len(rows), np.int64), np.zeros(len(rows), np.int64)
    codes, n = np.empty(len(rows), np.int64), 0
    for i in range(len(rows)):
        if code_of[rows[i]] < 0:
            code_of[rows[i]], present[n] = n, rows[i]
            n += 1
        codes[i] = code_of[rows[i]]
        counts[codes[i]] += 1
    return codes, present[:n], counts[:n]


@dataclass(slots=True)
class Coded:
    """A column of few different texts: `codes` are places in `names`, each of which occurs `counts` times."""

    codes: I64
    names: list[str]
    counts: list[int]

    @classmethod
    def of(cls, rows: I64, space: Keys) -> Coded:
        """Name the keys of a small space."""
        codes, present, counts = _code(rows, space.size)
        return cls(codes, [space.names[row] for row in present.tolist()], counts.tolist())

    def __getitem__(self, at: int) -> str:
        """The text at a position."""
        return self.names[int(self.codes[at])]

    def take(self, rows: slice) -> Coded:
        """The texts at `rows`; the names stay."""
        counts = np.bincount(self.codes[rows], minlength=len(self.names))
        return Coded(self.codes[rows], self.names, counts.tolist())
