"""What a reservoir of rows says of a new one: three views of it, and the one compiled pass over the rows."""

from __future__ import annotations

import math
from typing import Final, NamedTuple

import numba
import numpy as np
from numpy.typing import NDArray

from models.detector import LARGEST, F64Matrix, F64Vector
from models.detectors._reservoir_trees import I64Vector, U64Vector, draw, grow, mean_path

VIEWS: Final = 3
MEAN, DEVIATION = 0, 1  # rows of `usual`
LEARNED, KEPT, NEXT, TURN = range(4)
"""Places in `progress`: rows learned, rows in the reservoir, when to build next, and parts renewed."""
PLACES: Final = 4
TURN_ROWS: Final = 64  # rows from one renewed tree to the next, once the reservoir is full

_NEUTRAL_TAIL: Final = 1.0 + math.log(2.0)  # mean of the rarer tail's -log p
_CLOSEST: Final = 1e-9
_SMALL_SHARE: Final = 1e-200
_SUSPECT: Final = 3.0  # mean deviations, as the mean of the views, from which a row is odd
_SUSPECT_SHARE: Final = 0.125  # of the odd rows that would be kept, so many are
_LEAST_DEVIATION: Final = 0.25  # of a view: steps, or natural logarithms; less is usual only where nothing varies
_USUAL_WEIGHT: Final = 0.25  # what a view that finds a row usual counts, beside one that finds it odd
_MOST_SHIFT: Final = 5.0  # mean deviations by which one row may move the usual view


class Reservoir(NamedTuple):
    """All that is learned; the arrays are changed in place."""

    rows: F64Matrix  # row x feature, NaN where a value is missing
    ordered: F64Matrix  # feature x the values present, ascending, then infinity
    present: I64Vector  # how many those are
    spread: F64Vector  # one over the usual distance from the middle
    near: F64Matrix  # feature x the rows that distances are taken to
    feature: NDArray[np.int16]
    threshold: F64Matrix
    path: F64Matrix
    usual: F64Matrix  # mean and mean deviation of each view
    rng: U64Vector
    progress: I64Vector


@numba.njit(cache=True, error_model="numpy")
def _below(ordered: F64Vector, n: int, value: float) -> int:
    """How many of the first n are below the value; a search in which the processor has nothing to guess."""
    at = 0
    while n > 1:
        half = n >> 1
        at += half if ordered[at + half - 1] < value else 0
        n -= half
    return at + (1 if n == 1 and ordered[at] < value else 0)


@numba.njit(cache=True, error_model="numpy")
def _tails(x: F64Vector, z: F64Vector, ordered: F64Matrix, present: I64Vector, at: I64Vector) -> float:
    """Sum over the features of -log of the share that lies as far out, on the rarer side.

    All features are looked up together, a step each, so that one's wait for memory is the others' time to work.
    """
    width, total, share = ordered.shape[1], 0.0, 1.0
    at[:] = 0
    while width > 1:
        half = width >> 1
        for j in range(len(z)):
            at[j] += half if ordered[j, at[j] + half - 1] < z[j] else 0
        width -= half
    for j in range(len(z)):
        n = present[j]
        if n == 0 or not abs(x[j]) <= LARGEST:
            total += _NEUTRAL_TAIL
            continue
        below = upto = at[j] + (1 if ordered[j, at[j]] < z[j] else 0)
        if below < n and ordered[j, below] == z[j]:
            upto = _below(ordered[j], n, np.nextafter(z[j], math.inf))
        share *= (1.0 + min(upto, n - below)) / (1.0 + n)
        if share < _SMALL_SHARE:  # one logarithm for several features
            total -= math.log(share)
            share = 1.0
    return total - math.log(share)


@numba.njit(cache=True, error_model="numpy")
def _distance(z: F64Vector, near: F64Matrix, spread: F64Vector, squares: F64Vector) -> float:
    """Logarithm of the distance to the nearest of a few rows, in usual distances from the middle."""
    squares[:] = 0.0
    for j in range(len(z)):
        for k in range(len(squares)):
            off = (z[j] - near[j, k]) * spread[j]
            squares[k] += off * off
    nearest = squares[0]
    for k in range(1, len(squares)):
        nearest = min(nearest, squares[k])
    return 0.5 * math.log(nearest + _CLOSEST)


@numba.njit(cache=True, error_model="numpy")
def _fill(x: F64Vector, ordered: F64Matrix, present: I64Vector, z: F64Vector) -> bool:
    """Put the middle value where one is missing. False where all are."""
    found = False
    for j in range(len(x)):
        if abs(x[j]) <= LARGEST:
            z[j] = x[j]
            found = True
        else:
            n = present[j]
            z[j] = ordered[j, n >> 1] if n else 0.0
    return found


@numba.njit(cache=True, error_model="numpy")
def _oddness(views: F64Vector, usual: F64Matrix) -> float:
    """Mean of the views, each in mean deviations from what it usually says; less where it says "usual"."""
    total = 0.0
    for k in range(VIEWS):
        off = (views[k] - usual[MEAN, k]) / max(usual[DEVIATION, k], _LEAST_DEVIATION)
        total += off if off > 0.0 else _USUAL_WEIGHT * off
    return total / VIEWS


@numba.njit(cache=True, error_model="numpy")
def _get_used(views: F64Vector, usual: F64Matrix, share: float) -> None:
    """Take the views of a row into what they usually say; one row may not move it far."""
    for k in range(VIEWS):
        off, deviation = views[k] - usual[MEAN, k], usual[DEVIATION, k]
        if deviation > 0.0:
            off = max(-_MOST_SHIFT * deviation, min(_MOST_SHIFT * deviation, off))
        usual[MEAN, k] += share * off
        usual[DEVIATION, k] += share * (abs(off) - deviation)


@numba.njit(cache=True, error_model="numpy")
def _swap(ordered: F64Vector, n: int, old: float, new: float) -> int:
    """Take a value out of an ascending row of n, and put another in; NaN for none. How many there are then.

    Behind the last one the row is infinite, so that a search need not know where that is.
    """
    out = n if math.isnan(old) else _below(ordered, n, old)
    if math.isnan(new):
        for i in range(out, n - 1):
            ordered[i] = ordered[i + 1]
        if out < n:
            ordered[n - 1] = math.inf
        return n - (1 if out < n else 0)
    into = _below(ordered, n, new)
    if into > out:  # what was taken out stood before it
        into -= 1
        for i in range(out, into):
            ordered[i] = ordered[i + 1]
    else:
        for i in range(out, into, -1):
            ordered[i] = ordered[i - 1]
    ordered[into] = new
    return n + (1 if math.isnan(old) else 0)


@numba.njit(cache=True, error_model="numpy")
def _keep(x: F64Vector, at: int, store: Reservoir) -> None:
    """Write a row to its place in the reservoir."""
    for j in range(len(x)):
        value = x[j] if abs(x[j]) <= LARGEST else math.nan
        store.present[j] = _swap(store.ordered[j], store.present[j], store.rows[at, j], value)
        store.rows[at, j] = value


@numba.njit(cache=True, error_model="numpy")
def _renew_spread(store: Reservoir, j: int) -> None:
    """Measure a feature's mean distance from its middle, its outermost 64ths pulled in."""
    n, total = store.present[j], 0.0
    if n == 0:
        return
    ordered, edge = store.ordered[j], n // 64
    low, middle, high = ordered[edge], ordered[n >> 1], ordered[n - 1 - edge]
    for i in range(n):
        total += abs(max(low, min(high, ordered[i])) - middle) / n
    if total == 0.0:
        for i in range(n):
            total += abs(ordered[i] - middle) / n
    store.spread[j] = 1.0 / total if total > 0.0 else 0.0


@numba.njit(cache=True, error_model="numpy")
def _renew_near(store: Reservoir, k: int) -> None:
    at = int(draw(store.rng) * store.progress[KEPT])
    _fill(store.rows[at], store.ordered, store.present, store.near[:, k])


@numba.njit(cache=True, error_model="numpy")
def _renew_tree(store: Reservoir, t: int, sample: F64Matrix, order: I64Vector) -> None:
    """Grow a tree anew from a sample without repeats."""
    kept = store.progress[KEPT]
    n = min(len(sample), kept)
    for i in range(kept):
        order[i] = i
    for i in range(n):
        k = i + int(draw(store.rng) * (kept - i))
        order[i], order[k] = order[k], order[i]
        _fill(store.rows[order[i]], store.ordered, store.present, sample[i])
    grow(sample[:n], store.feature[t], store.threshold[t], store.path[t], store.rng)


@numba.njit(cache=True, error_model="numpy")
def _build(store: Reservoir, sample: F64Matrix, order: I64Vector) -> None:
    for j in range(len(store.spread)):
        _renew_spread(store, j)
    for k in range(store.near.shape[1]):
        _renew_near(store, k)
    for t in range(len(store.feature)):
        _renew_tree(store, t, sample, order)


@numba.njit(cache=True, error_model="numpy")
def _renew(store: Reservoir, sample: F64Matrix, order: I64Vector) -> None:
    """Build all when the rows have doubled; a part of each kind at a time once the reservoir is full."""
    progress, most = store.progress, len(store.rows)
    if progress[LEARNED] <= most:
        _build(store, sample, order)
        progress[NEXT] = min(2 * progress[NEXT], most) if progress[NEXT] < most else progress[NEXT] + TURN_ROWS
        return
    turn = progress[TURN]
    _renew_spread(store, turn % len(store.spread))
    _renew_near(store, turn % store.near.shape[1])
    _renew_tree(store, turn % len(store.feature), sample, order)
    progress[TURN] += 1
    progress[NEXT] += TURN_ROWS


@numba.njit(cache=True, error_model="numpy")
def run(
    x: F64Matrix, store: Reservoir, first_build: int, warm_up: int, sample_rows: int, keep_share: float, learn: bool
) -> F64Vector:
    """Score each row on the state before it; then, with `learn`, take it in."""
    scores, z, views = np.full(len(x), np.nan), np.empty(x.shape[1]), np.empty(VIEWS)
    node, squares = np.empty(len(store.feature), np.uint64), np.empty(store.near.shape[1])
    at = np.empty(x.shape[1], np.int64)
    sample, order = np.empty((sample_rows, x.shape[1])), np.empty(len(store.rows), np.int64)
    ordered, present, near, spread, usual = store.ordered, store.present, store.near, store.spread, store.usual
    feature, threshold, path, progress = store.feature, store.threshold, store.path, store.progress
    for i in range(len(x)):
        if not _fill(x[i], ordered, present, z):
            continue
        odd, seen = 0.0, progress[LEARNED]
        if seen >= first_build:
            views[0] = -mean_path(z, feature, threshold, path, node)
            views[1] = _tails(x[i], z, ordered, present, at)
            views[2] = _distance(z, near, spread, squares)
            odd = _oddness(views, usual)
            if seen >= warm_up:
                scores[i] = odd
        if not learn:
            continue
        if seen >= first_build:
            _get_used(views, usual, max(keep_share / len(store.rows), 1.0 / (seen - first_build + 1)))
        progress[LEARNED] += 1
        if progress[KEPT] < len(store.rows):
            _keep(x[i], progress[KEPT], store)
            progress[KEPT] += 1
        elif draw(store.rng) < (keep_share * _SUSPECT_SHARE if odd > _SUSPECT else keep_share):
            _keep(x[i], int(draw(store.rng) * len(store.rows)), store)
        if progress[LEARNED] == progress[NEXT]:
            _renew(store, sample, order)
    return scores
