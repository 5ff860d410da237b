"""The greatest of the last N values, compiled: how many of all N are smaller than a new one, if that one is great.

The values stand in a ring, in the order of arrival. The greatest of them stand a second time in `tail`, sorted, and
whoever is greater than tail[0] has a rank that they tell: all values outside are smaller. Rows that are nothing
special, nearly all, cost two comparisons: neither the new value nor the one that leaves belongs to the tail.

The least of the tail is its fence. Values that equal it are not moved, only counted (`LEVEL`): so a thousand equal
values, as a feature that is nearly always 0 gives, cost no more than ordinary ones. What stands in the tail and equals
the fence may have left the ring; no rank asks for it.

A tail of `len(tail)` values may shrink until fewer than `least` are left; then it is gathered from the ring anew.
While values keep their distribution that all but never happens; while they fall steadily, every
len(tail) - least values. A rank depends on the ring's content alone, never on how long the tail is just then.
"""

from __future__ import annotations

from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

F64Vector = NDArray[np.float64]
I64Vector = NDArray[np.int64]

COUNT, NEXT, TAIL, BEYOND, LEVEL = range(5)
"""Places in `place`: values in the ring, where the next one goes, values in the tail, those of them that are greater
than the fence, and values in the ring that equal the fence. The last two mean nothing while the tail holds all."""

_SPARE: Final = 32


def tail_rows(share: float, capacity: int) -> tuple[int, int]:
    """How many values of the tail are needed to rank the greatest `share` of them, and for how many there is room.

    >>> tail_rows(0.01, 5_000)
    (51, 134)
    >>> tail_rows(1.0, 5_000)
    (5000, 5000)
    """
    least = min(int(share * (1 + capacity)) + 1, capacity)
    return least, min(2 * least + _SPARE, capacity)


def gather(ring: F64Vector, tail: F64Vector, place: I64Vector) -> None:
    """Make the tail as long as there is room for."""
    count = int(place[COUNT])
    n = place[TAIL] = min(count, len(tail))
    if n:
        tail[:n] = np.sort(np.partition(ring[:count], count - n)[count - n :])
        place[BEYOND] = n - np.searchsorted(tail[:n], tail[0], side="right")
        place[LEVEL] = np.count_nonzero(ring[:count] == tail[0])


@numba.njit(cache=True, error_model="numpy")
def smaller(s: float, tail: F64Vector, n: int) -> int:
    """How many of the first n values are < s: counting all is quicker than the guesses of a binary search."""
    count = 0
    for k in range(n):
        count += tail[k] < s
    return count


@numba.njit(cache=True, error_model="numpy")
def learn(s: float, ring: F64Vector, tail: F64Vector, place: I64Vector) -> None:
    """Take in s; once the ring is full, the oldest value goes."""
    at, all_in_tail = place[NEXT], place[TAIL] == place[COUNT]
    if place[COUNT] == len(ring):
        if all_in_tail or ring[at] > tail[0]:
            _take_out(ring[at], tail, place)
        elif ring[at] == tail[0]:
            place[LEVEL] -= 1
        place[COUNT] -= 1
    if all_in_tail or s > tail[0]:
        _put(s, tail, place, all_in_tail)
    elif s == tail[0]:
        place[LEVEL] += 1
    ring[at] = s
    place[COUNT] += 1
    place[NEXT] = at + 1 if at + 1 < len(ring) else 0


@numba.njit(cache=True, error_model="numpy")
def is_short(place: I64Vector, least: int) -> bool:
    """Whether the tail ranks too few values, and has to be gathered anew."""
    if place[TAIL] == place[COUNT]:
        return False
    return bool(place[BEYOND] + place[LEVEL] < min(least, place[COUNT]))


@numba.njit(cache=True, error_model="numpy")
def _take_out(s: float, tail: F64Vector, place: I64Vector) -> None:
    n = place[TAIL] - 1
    for k in range(smaller(s, tail, n + 1), n):
        tail[k] = tail[k + 1]
    place[TAIL] = n
    place[BEYOND] -= 1


@numba.njit(cache=True, error_model="numpy")
def _put(s: float, tail: F64Vector, place: I64Vector, all_in_tail: bool) -> None:
    """Put s in its place; in a full tail, the least of all makes room."""
    n = place[TAIL]
    at = smaller(s, tail, n)
    if n < len(tail):
        for k in range(n - at):
            tail[n - k] = tail[n - k - 1]
        tail[at] = s
        place[TAIL] = n + 1
        place[BEYOND] += 1
        return
    dropped = s
    if at > 0:
        dropped = tail[0]
        for k in range(at - 1):
            tail[k] = tail[k + 1]
        tail[at - 1] = s
        place[BEYOND] += 1
    if all_in_tail or tail[0] != dropped:  # another fence: all that equals it stands in the tail, or was dropped
        place[BEYOND] = 0
        for k in range(n):
            place[BEYOND] += tail[k] > tail[0]
        place[LEVEL] = n - place[BEYOND] + (1 if dropped == tail[0] else 0)
