"""Key -> row of flat state, with a bound.

Features keep one array row per product, customer or order. `Keys` gives each key its row, and when all rows
are taken frees the least recently seen sixteenth. A row that changes hands is flagged `fresh` at the very
event where that happens, so that kernels start it anew there; where a batch was cut has no say in it.

Memory: about 100 bytes for the dictionary's entry, 50 + the key's length for the text, 16 here, and what the
features keep in a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

Rows = NDArray[np.int64]
Flags = NDArray[np.bool_]

A = TypeVar("A", bound=np.generic)

_EVICTED_SHARE = 16


def grown(state: NDArray[A], size: int) -> NDArray[A]:
    """The same state with room for `size` rows along its first axis: doubled until it fits, new rows zero."""
    room = len(state)
    while room < size:
        room *= 2
    if room == len(state):
        return state
    return np.concatenate([state, np.zeros((room - len(state), *state.shape[1:]), state.dtype)])


class Keys:
    """Rows for the keys of one kind, at most `capacity` alive.

    >>> keys = Keys("product", capacity=2)
    >>> [array.tolist() for array in keys.rows(["a", "b", "a"])]
    [[0, 1, 0], [True, True, False]]
    >>> [array.tolist() for array in keys.rows(["c", "a"])]   # "b" was seen longest ago
    [[1, 0], [True, False]]
    """

    def __init__(self, kind: str, capacity: int) -> None:
        """Name the `kind` (for metrics) and bound the number of live keys."""
        if capacity < 1:
            raise ValueError(f"state.max_{kind}s is {capacity}: at least 1 key must fit")
        self.kind = kind
        self.capacity = capacity
        self.evicted_total = 0
        self.names: list[str] = []
        self._row_of: dict[str, int] = {}
        self._free: list[int] = []
        self._seen = np.zeros(1024, np.int64)
        self._clock = 0

    def __len__(self) -> int:
        """Live keys."""
        return len(self._row_of)

    @property
    def size(self) -> int:
        """Rows that state arrays must have."""
        return len(self.names)

    def find(self, key: str) -> int:
        """The row of a key, -1 where it is not alive; does not count as seen."""
        return self._row_of.get(key, -1)

    def rows(self, keys: Sequence[str]) -> tuple[Rows, Flags]:
        """Rows of `keys` in order; a key not alive gets one, flagged fresh."""
        get = self._row_of.get
        rows = [get(key, -1) for key in keys]
        fresh = np.zeros(len(rows), np.bool_)
        if -1 in rows:
            self._admit(keys, rows, fresh)
        found = np.array(rows, np.int64)
        self._touch(found)
        self._clock += len(rows)
        return found, fresh

    def _admit(self, keys: Sequence[str], rows: list[int], fresh: Flags) -> None:
        i = rows.index(-1)
        while True:
            key = keys[i]
            row = self._row_of.get(key, -1)
            if row < 0:
                row = self._new_row(rows, i, keys)
                self._row_of[key] = row
                self.names[row] = key
                fresh[i] = True
            rows[i] = row
            try:
                i = rows.index(-1, i + 1)
            except ValueError:
                return

    def _new_row(self, rows: list[int], i: int, keys: Sequence[str]) -> int:
        if len(self.names) < self.capacity:
            self.names.append("")
            if len(self.names) > len(self._seen):
                self._seen = np.concatenate([self._seen, np.zeros_like(self._seen)])
            return len(self.names) - 1
        if not self._free:
            self._touch(np.array(rows[:i], np.int64))
            self._evict()
            rows[i:] = [self._row_of.get(key, -1) for key in keys[i:]]
        return self._free.pop()

    def _touch(self, rows: Rows) -> None:
        self._seen[rows] = np.arange(self._clock, self._clock + len(rows))

    def _evict(self) -> None:
        n = max(1, self.capacity // _EVICTED_SHARE)
        oldest = np.sort(np.argpartition(self._seen[: self.capacity], n - 1)[:n])
        for row in oldest[::-1].tolist():
            del self._row_of[self.names[row]]
            self._free.append(row)
        self.evicted_total += n
