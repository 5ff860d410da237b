"""A heap of deadlines in one array: the earliest on top, the order and the stage beside it.

Ties break by row and stage, so what expires first never depends on how the heap was filled.
"""

from __future__ import annotations

import numba
import numpy as np

from features.batch import I64
from features.keys import grown


@numba.njit(cache=True)
def _before(heap: I64, i: int, j: int) -> bool:
    for k in range(3):
        if heap[i, k] != heap[j, k]:
            return bool(heap[i, k] < heap[j, k])
    return False


@numba.njit(cache=True)
def _swap(heap: I64, i: int, j: int) -> None:
    for k in range(3):
        heap[i, k], heap[j, k] = heap[j, k], heap[i, k]


@numba.njit(cache=True)
def push(heap: I64, n: int, ends_ms: int, row: int, stage: int) -> int:
    """Add a deadline to the first n rows; returns the new size."""
    heap[n, 0], heap[n, 1], heap[n, 2] = ends_ms, row, stage
    child = n
    while child > 0 and _before(heap, child, (child - 1) // 2):
        _swap(heap, child, (child - 1) // 2)
        child = (child - 1) // 2
    return n + 1


@numba.njit(cache=True)
def pop(heap: I64, n: int) -> int:
    """Remove the earliest deadline; returns the new size."""
    n -= 1
    _swap(heap, 0, n)
    parent = 0
    while True:
        child = 2 * parent + 1
        if child >= n:
            return n
        if child + 1 < n and _before(heap, child + 1, child):
            child += 1
        if not _before(heap, child, parent):
            return n
        _swap(heap, child, parent)
        parent = child


@numba.njit(cache=True)
def sweep(heap: I64, n: int, deadline: I64) -> int:
    """Drop what no longer holds: `deadline` is what each row waits for now. Returns the new size."""
    kept = 0
    for i in range(n):
        if deadline[heap[i, 1]] == heap[i, 0]:
            kept = push(heap, kept, heap[i, 0], heap[i, 1], heap[i, 2])
    return kept


class Deadlines:
    """The array and how much of it is in use.

    >>> heap = Deadlines()
    >>> for ends_ms in (30, 10, 20):
    ...     heap.size = push(heap.rows, heap.size, ends_ms, 0, 1)
    >>> int(heap.rows[0, 0])
    10
    """

    def __init__(self) -> None:
        """Start empty."""
        self.rows = np.zeros((1024, 3), np.int64)
        self.size = 0

    def make_room(self, n: int) -> None:
        """Let n more deadlines fit."""
        self.rows = grown(self.rows, self.size + n)
