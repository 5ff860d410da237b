"""The trees of Half-Space Trees as flat arrays: how they are cut, and the one compiled pass over the rows.

`feature` and `threshold` hold a branch's cut, `mass` the rows counted at each node, and `worth` what the
reference says of who came down to it, tree by tree; children of node n are 2n + 1 and 2n + 2.
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
I32Matrix = NDArray[np.int32]
I64Matrix = NDArray[np.int64]
I64Vector = NDArray[np.int64]
U64Vector = NDArray[np.uint64]
Limit = tuple[float, float]

_PADDING: Final = 0.15  # share of a range, at each end, in which no cut is made
_CROWDED: Final = 0.1  # share of the window below which a path is not followed further
LOW, HIGH = 0, 1  # rows of `seen`, the range of each feature
REFERENCE, LATEST = 0, 1  # windows in `mass`, the rows counted at each node
COUNTED, WINDOWS, FILLED = 0, 1, 2
"""Places in `progress`: rows in the latest window, windows completed, and for how many rows more the latest rows are
counted at every node. At the bottom is enough until the window is whole, unless a row has a gap: it goes where more
of the others went."""
_KEPT_ROWS: Final = 8  # counting these at every node costs what adding up all counts does, from the bottom

_NOTHING, _GAPS, _WHOLE = range(3)


@numba.njit(cache=True, error_model="numpy")
def _scale(row: F64Vector, seen: F64Matrix, scaled: bool, out: F64Vector) -> int:
    """Bring a row into [0, 1] of what was seen; NaN where a value is missing. How much of it is there."""
    found, whole = False, True
    for j in range(len(row)):
        present = abs(row[j]) <= LARGEST
        found |= present
        out[j] = row[j] if present else math.nan
        if present and scaled:
            width = seen[HIGH, j] - seen[LOW, j]
            out[j] = (row[j] - seen[LOW, j]) / width if width != 0.0 else 0.0
        whole &= not math.isnan(out[j])
    return _NOTHING if not found else _WHOLE if whole else _GAPS


@numba.njit(cache=True, error_model="numpy")
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


@numba.njit(cache=True, error_model="numpy")
def _descend(z: F64Vector, feature: I16Matrix, threshold: F64Matrix, node: U64Vector) -> None:
    """Follow a row without gaps to the bottom of every tree.

    The trees take each step together, so that one tree's wait for memory is the other trees' time to work;
    without a branch, for no processor can guess it; and in unsigned numbers, which need not be looked at for
    their sign before they index. Each of the three is worth a third of the time or more.
    """
    trees, first, branches = len(feature), 0, feature.shape[1]
    for t in range(trees):
        node[t] = 0
    while first < branches:
        for t in range(trees):
            n = node[t]
            left = z[np.uint64(feature[t, n])] < threshold[t, n]
            node[t] = n + n + np.uint64(2) - np.uint64(left)
        first = 2 * first + 1


@numba.njit(cache=True, error_model="numpy")
def _descend_past_gaps(
    z: F64Vector, feature: I16Matrix, threshold: F64Matrix, latest: I32Matrix, node: U64Vector
) -> None:
    """Follow a row to the bottom of every tree; where its value is missing, to where more of the rows went."""
    for t in range(len(feature)):
        n = 0
        while n < feature.shape[1]:
            value, child = z[feature[t, n]], 2 * n + 1
            left = value < threshold[t, n]
            if math.isnan(value):
                left = latest[t, child] >= latest[t, child + 1]
            n = child if left else child + 1
        node[t] = n


@numba.njit(cache=True, error_model="numpy")
def _walk(
    z: F64Vector,
    gaps: bool,
    feature: I16Matrix,
    threshold: F64Matrix,
    latest: I32Matrix,
    progress: I64Vector,
    node: U64Vector,
) -> None:
    """Follow a row down every tree."""
    if gaps:
        if not progress[FILLED]:
            _fill(latest)
        progress[FILLED] = _KEPT_ROWS
        _descend_past_gaps(z, feature, threshold, latest, node)
    else:
        _descend(z, feature, threshold, node)


@numba.njit(cache=True, error_model="numpy")
def _worth_of(node: U64Vector, worth: I64Matrix) -> int:
    total = 0
    for t in range(len(node)):
        total += worth[t, node[t]]
    return total


@numba.njit(cache=True, error_model="numpy")
def _count(node: U64Vector, latest: I32Matrix, filled: bool) -> None:
    """Count a row where it ended; where that is asked for, on all its way, too."""
    for t in range(len(node)):
        n = node[t]
        latest[t, n] += 1
        while filled and n > 0:
            n = (n - np.uint64(1)) >> np.uint64(1)
            latest[t, n] += 1


@numba.njit(cache=True, error_model="numpy")
def run(
    x: F64Matrix,
    feature: I16Matrix,
    threshold: F64Matrix,
    mass: I32Cube,
    worth: I64Matrix,
    seen: F64Matrix,
    progress: I64Vector,
    window: int,
    scaled: bool,
    learn: bool,
) -> F64Vector:
    """Score each row on the state before it; then, with `learn`, take it in."""
    scores, z = np.full(len(x), np.nan), np.empty(x.shape[1])
    node, latest = np.empty(len(feature), np.uint64), mass[LATEST]
    most = len(feature) * window * mass.shape[2]
    for i in range(len(x)):
        found = _scale(x[i], seen, scaled, z)
        if found == _NOTHING:
            continue
        wider = scaled and learn and _widen(x[i], seen)
        ready = progress[WINDOWS] > 0
        if ready or not wider:
            _walk(z, found == _GAPS, feature, threshold, latest, progress, node)
        if ready:
            scores[i] = 1.0 - _worth_of(node, worth) / most
        if wider:  # the row itself moved the scale: it is counted where the new scale puts it
            found = _scale(x[i], seen, scaled, z)
            _walk(z, found == _GAPS, feature, threshold, latest, progress, node)
        if learn:
            _count(node, latest, progress[FILLED] > 0)
            progress[FILLED] = max(0, progress[FILLED] - 1)
            progress[COUNTED] += 1
            if progress[COUNTED] == window:
                _turn(mass, worth, progress, window)
    return scores


@numba.njit(cache=True, error_model="numpy")
def _fill(latest: I32Matrix) -> None:
    """Count rows at all nodes that were counted at the bottom only."""
    for tree in range(len(latest)):
        for node in range(latest.shape[1] // 2 - 1, -1, -1):
            latest[tree, node] = latest[tree, 2 * node + 1] + latest[tree, 2 * node + 2]


@numba.njit(cache=True, error_model="numpy")
def _turn(mass: I32Cube, worth: I64Matrix, progress: I64Vector, window: int) -> None:
    """Make the latest counts of a whole window the reference, and add them up along every path.

    `worth` of a node is the sum of r_d 2^d from the top down to it. A row is counted at a node only if it was at
    the one above, so that a path which was left for want of rows stays left.
    """
    few = _CROWDED * window
    reference, latest = mass[REFERENCE], mass[LATEST]
    if not progress[FILLED]:
        _fill(latest)
    for tree in range(len(reference)):
        reference[tree] = latest[tree]
        latest[tree] = 0
        worth[tree, 0] = reference[tree, 0]
        depth, last = 1, 0
        for node in range(reference.shape[1] // 2):
            followed = reference[tree, node] >= few
            for child in range(2 * node + 1, 2 * node + 3):
                more = np.int64(reference[tree, child]) << depth if followed else 0
                worth[tree, child] = worth[tree, node] + more
            if node == last:
                depth, last = depth + 1, 2 * last + 2
    progress[COUNTED] = progress[FILLED] = 0
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
