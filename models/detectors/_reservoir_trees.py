"""The isolation trees of a reservoir ensemble, as flat arrays: how one is grown, and how rows go down all of them.

A tree of height h has 2^h - 1 branches, of which n leads to 2n + 1 and 2n + 2, and 2^h ends. `feature` and
`threshold` hold a branch's cut, `path` what an end says: the length of the way to it.
"""

from __future__ import annotations

import math
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from models.detector import F64Matrix, F64Vector

I16Vector = NDArray[np.int16]
I16Matrix = NDArray[np.int16]
I64Vector = NDArray[np.int64]
U64Vector = NDArray[np.uint64]

_EULER: Final = 0.5772156649015329
_STEP: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX: Final = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))


@numba.njit(cache=True, error_model="numpy")
def draw(rng: U64Vector) -> float:
    """Draw evenly from [0, 1): SplitMix64, whose state is one number, so that it can be kept (Steele et al., 2014)."""
    rng[0] += _STEP
    z = rng[0]
    z = (z ^ (z >> np.uint64(30))) * _MIX[0]
    z = (z ^ (z >> np.uint64(27))) * _MIX[1]
    return float((z ^ (z >> np.uint64(31))) >> np.uint64(11)) * 2.0**-53


@numba.njit(cache=True, error_model="numpy")
def usual_path(rows: int) -> float:
    """Mean length of an unsuccessful search in a binary search tree of so many rows."""
    if rows <= 1:
        return 0.0
    return 1.0 if rows == 2 else 2.0 * (math.log(rows - 1.0) + _EULER) - 2.0 * (rows - 1.0) / rows  # noqa: PLR2004 - H(1)


@numba.njit(cache=True, error_model="numpy")
def _choose(rows: F64Matrix, order: I64Vector, first: int, end: int, rng: U64Vector, limits: F64Vector) -> int:
    """Choose one of the features in which rows differ, and find its range; -1 where none does."""
    features = rows.shape[1]
    start = int(draw(rng) * features)
    for k in range(features):
        j = (start + k) % features
        low = high = rows[order[first], j]
        for i in range(first + 1, end):
            low, high = min(low, rows[order[i], j]), max(high, rows[order[i], j])
        if low < high:
            limits[0], limits[1] = low, high
            return int(j)
    return -1


@numba.njit(cache=True, error_model="numpy")
def _part(rows: F64Matrix, order: I64Vector, first: int, end: int, j: int, cut: float) -> int:
    """Bring the rows below the cut to the front; where the others begin."""
    i, last = first, end - 1
    while i <= last:
        if rows[order[i], j] < cut:
            i += 1
        else:
            order[i], order[last] = order[last], order[i]
            last -= 1
    return int(i)


@numba.njit(cache=True, error_model="numpy")
def grow(rows: F64Matrix, feature: I16Vector, threshold: F64Vector, path: F64Vector, rng: U64Vector) -> None:
    """Grow one isolation tree over some rows: a random feature, cut anywhere in the range of the rows there.

    A branch that is not needed sends all rows to its left, so that every way down takes the same steps.
    """
    branches, limits = len(feature), np.empty(2)
    first, end = np.zeros(2 * branches + 1, np.int64), np.full(2 * branches + 1, -1, np.int64)
    order, depth, last = np.arange(len(rows)), 0, 0
    end[0] = len(rows)
    for n in range(branches):
        count = end[n] - first[n]
        feature[n], threshold[n] = 0, math.inf
        j = _choose(rows, order, first[n], end[n], rng, limits) if count > 1 else -1
        if j >= 0:
            cut = limits[0] + draw(rng) * (limits[1] - limits[0])
            cut = cut if cut > limits[0] else limits[1]
            middle = _part(rows, order, first[n], end[n], j, cut)
            feature[n], threshold[n] = j, cut
            first[2 * n + 1], end[2 * n + 1] = first[n], middle
            first[2 * n + 2], end[2 * n + 2] = middle, end[n]
        elif count > 0:
            leaf, at = depth, n
            while at < branches:
                at = 2 * at + 1
            path[at - branches] = leaf + usual_path(count)
        if n == last:
            depth, last = depth + 1, 2 * last + 2
    for n in range(branches, 2 * branches + 1):
        if end[n] > first[n]:
            path[n - branches] = depth + usual_path(end[n] - first[n])


@numba.njit(cache=True, error_model="numpy")
def mean_path(z: F64Vector, feature: I16Matrix, threshold: F64Matrix, path: F64Matrix, node: U64Vector) -> float:
    """Mean length of a row's ways down; all trees take a step together, without a branch of the processor."""
    trees, branches, first = len(feature), feature.shape[1], 0
    for t in range(trees):
        node[t] = 0
    while first < branches:
        for t in range(trees):
            n = node[t]
            left = z[np.uint64(feature[t, n])] < threshold[t, n]
            node[t] = n + n + np.uint64(2) - np.uint64(left)
        first = 2 * first + 1
    total = 0.0
    for t in range(trees):
        total += path[t, node[t] - np.uint64(branches)]
    return total / trees
