"""The trees of Half-Space Trees as flat arrays: how they are cut, and the one compiled pass over the rows.

`feature` and `threshold` hold a branch's cut, `mass` the rows counted at each node, tree by tree; children of
node n are 2n + 1 and 2n + 2.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

import numba
import numpy as np
from numpy.typing import NDArray

from models.detector import LARGEST, F64Matrix, F64Vector

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

I16Matrix = NDArray[np.int16]
I32Cube = NDArray[np.int32]
I64Matrix = NDArray[np.int64]
I64Vector = NDArray[np.int64]
Limit = tuple[float, float]

_PADDING: Final = 0.15  # share of a range, at each end, in which no cut is made
_CROWDED: Final = 0.1  # share of the window below which a path is not followed further
LOW, HIGH = 0, 1  # rows of `seen`, the range of each feature
REFERENCE, LATEST = 0, 1  # windows in `mass`, the rows counted at each node
COUNTED, WINDOWS = 0, 1  # places in `progress`: rows in the latest window, windows completed


@numba.njit(cache=True, error_model="numpy")
def _scale(row: F64Vector, seen: F64Matrix, scaled: bool, out: F64Vector) -> bool:
    """Bring a row into [0, 1] of what was seen; NaN where a value is missing. False: none is there."""
    found = False
    for j in range(len(row)):
        present = abs(row[j]) <= LARGEST
        found |= present
        out[j] = row[j] if present else math.nan
        if present and scaled:
            width = seen[HIGH, j] - seen[LOW, j]
            out[j] = (row[j] - seen[LOW, j]) / width if width != 0.0 else 0.0
    return found


@numba.njit(cache=True)
def _widen(row: F64Vector, seen: F64Matrix) -> bool:
    """Take a row into the range of what was seen. True where that changed it."""
    wider = False
    for j in range(len(row)):
        present = abs(row[j]) <= LARGEST
        if present and row[j] < seen[LOW, j]:
            seen[LOW, j] = row[j]
            wider = True
        if present and row[j] > seen[HIGH, j]:
            seen[HIGH, j] = row[j]
            wider = True
    return wider


@numba.njit(cache=True)
def _walk(
    z: F64Vector,
    feature: I16Matrix,
    threshold: F64Matrix,
    mass: I32Cube,
    few: float,
    count: int,
    at: I64Matrix,
) -> int:
    """Follow a row down every tree, adding `count` on its way; the sum over the trees of sum_d r_d 2^d.

    The trees take each step together, so that one tree's wait for memory is the other trees' time to work.
    """
    trees, height = len(feature), round(math.log2(feature.shape[1] + 1))
    reference, latest = mass[REFERENCE], mass[LATEST]
    node, followed = at[0], at[1]
    total = 0
    for t in range(trees):
        node[t], followed[t] = 0, 1
    for depth in range(height):
        for t in range(trees):
            n = node[t]
            crowd = reference[t, n]
            total += (crowd << depth) * followed[t]
            followed[t] = followed[t] if crowd >= few else 0
            latest[t, n] += count
            value, child = z[feature[t, n]], 2 * n + 1
            if math.isnan(value):
                node[t] = child + 1 if latest[t, child] < latest[t, child + 1] else child
            else:
                node[t] = child if value < threshold[t, n] else child + 1
    for t in range(trees):
        total += (reference[t, node[t]] << height) * followed[t]
        latest[t, node[t]] += count
    return total


@numba.njit(cache=True)
def run(
    x: F64Matrix,
    feature: I16Matrix,
    threshold: F64Matrix,
    mass: I32Cube,
    seen: F64Matrix,
    progress: I64Vector,
    window: int,
    scaled: bool,
    learn: bool,
) -> F64Vector:
    """Score each row on the state before it; then, with `learn`, take it in."""
    scores, z = np.full(len(x), np.nan), np.empty(x.shape[1])
    at, few = np.empty((2, len(feature)), np.int64), _CROWDED * window
    most = len(feature) * window * mass.shape[2]
    for i in range(len(x)):
        if not _scale(x[i], seen, scaled, z):
            continue
        wider = scaled and learn and _widen(x[i], seen)
        crowd = _walk(z, feature, threshold, mass, few, 1 if learn and not wider else 0, at)
        if progress[WINDOWS] > 0:
            scores[i] = 1.0 - crowd / most
        if wider:  # the row itself moved the scale: it is counted where the new scale puts it
            _scale(x[i], seen, scaled, z)
            _walk(z, feature, threshold, mass, few, 1, at)
        if learn:
            _turn(mass, progress, window)
    return scores


@numba.njit(cache=True)
def _turn(mass: I32Cube, progress: I64Vector, window: int) -> None:
    """Count a row; after a whole window the latest counts become the reference."""
    progress[COUNTED] += 1
    if progress[COUNTED] == window:
        for tree in range(mass.shape[1]):
            for node in range(mass.shape[2]):
                mass[REFERENCE, tree, node] = mass[LATEST, tree, node]
                mass[LATEST, tree, node] = 0
        progress[COUNTED] = 0
        progress[WINDOWS] += 1


def cuts(rng: random.Random, limits: list[Limit], branches: int) -> Iterator[tuple[int, int, float]]:
    """Draw each branch's cut, then all on its left, then all on its right: (branch, axis, threshold).

    A wide axis is cut more often than a narrow one, and never close to its ends. river's draws, in its order.
    """
    todo = [(0, limits)]
    while todo:
        branch, sides = todo.pop()
        axis = rng.choices(range(len(sides)), weights=[high - low for low, high in sides])[0]
        low, high = sides[axis]
        cut = rng.uniform(low + _PADDING * (high - low), high - _PADDING * (high - low))
        yield branch, axis, cut
        if 2 * branch + 2 < branches:
            todo.append((2 * branch + 2, [*sides[:axis], (cut, high), *sides[axis + 1 :]]))
            todo.append((2 * branch + 1, [*sides[:axis], (low, cut), *sides[axis + 1 :]]))
