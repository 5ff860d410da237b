"""Exact ranks among the last N values, compiled: how many of them are at least as large as a new one.

The reference stands in a ring, in the order of arrival, and in a sorted array. New values wait in a short
list; for each of them the oldest in the ring is counted out:

    values >= s  =  sorted >= s  +  waiting >= s  -  counted out >= s

Each term is exact, so a rank depends on the last N values alone, and not on when those waiting were merged
into the ring and the sorted array. Merging costs N steps once in about `MERGE_EVERY` values, and looking up a
whole stretch of values at once lets their memory accesses overlap.
"""

from __future__ import annotations

from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

F64Vector = NDArray[np.float64]
F64Matrix = NDArray[np.float64]
I64Vector = NDArray[np.int64]

MERGE_EVERY: Final = 1024
STEP: Final = 128


@numba.njit(cache=True)
def smaller(s: float, values: F64Vector, n: int) -> int:
    """How many of values[:n] are < s. Counting through some hundred is quicker than a search that guesses."""
    count = 0
    for k in range(n):
        count += values[k] < s
    return count


@numba.njit(cache=True)
def smaller_sorted(s: float, ordered: F64Vector, n: int, signposts: F64Vector) -> int:
    """How many of the n sorted values are < s: among every `STEP`th of them, then between two of those."""
    block = smaller(s, signposts, (n + STEP - 1) // STEP) - 1
    if block < 0:
        return 0
    start = block * STEP
    return start + smaller(s, ordered[start:], min(STEP, n - start))


@numba.njit(cache=True)
def merge(
    old: F64Vector, signposts: F64Vector, n: int, arrived: F64Vector, left: F64Vector, new: F64Vector
) -> int:
    """Write sorted old[:n], with sorted `arrived` and without sorted `left`, to `new`; its length."""
    i, j, r, o = 0, 0, 0, 0
    while j < len(arrived) or r < len(left):
        goes = j == len(arrived) or (r < len(left) and left[r] <= arrived[j])
        end = smaller_sorted(left[r] if goes else arrived[j], old, n, signposts)
        for k in range(i, end):  # `end` may lie before i, where equal values have gone
            new[o + k - i] = old[k]
        o += max(0, end - i)
        i = max(i, end)
        if goes:
            i, r = i + 1, r + 1
        else:
            new[o] = arrived[j]
            o, j = o + 1, j + 1
    for k in range(i, n):
        new[o + k - i] = old[k]
    return o + n - i


@numba.njit(cache=True)
def oldest_first(ring: F64Vector, oldest: int, out: F64Vector) -> None:
    """Copy as many of the ring's oldest values as `out` takes."""
    for k in range(len(out)):
        out[k] = ring[(oldest + k) % len(ring)]
