"""A series as rows of features, and scores as alerts: the compiled passes of `models.reservoir_series`."""

from __future__ import annotations

import math
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from models.detector import LARGEST, F64Matrix, F64Vector

I64Vector = NDArray[np.int64]

SLOTS: Final = 48  # half hours of a day
FEATURES: Final = 4
SUM, WEIGHT = 0, 1  # rows of `profile`
VALUES, RESIDUALS = 0, 1  # rows of `recent`
LEVEL, RESIDUAL, DEVIATION = range(3)  # places in `level`: of the values, the last residual, the usual size of one
ROWS, SINCE = 0, 1  # places in `since`: values scored, and those since the last alert

_DAY_SECONDS: Final = 86_400
_KEEP: Final = 0.97  # of a half hour's sum, from value to value: at one in five minutes, half of it for four days
_LEVEL_SHARE, _DEVIATION_SHARE = 0.01, 0.005
_MOST: Final = 10.0  # usual residuals: no value counts as farther off, or it would be missed at the same hour next day
_FIRST_ROWS: Final = 20  # before it is known what is usual


@numba.njit(cache=True, error_model="numpy")
def _mean(ring: F64Vector, count: int) -> float:
    """Mean of the first `count`, always added in the same order."""
    total = 0.0
    for i in range(count):
        total += ring[i]
    return total / count


@numba.njit(cache=True, error_model="numpy")
def rows_of_series(
    seconds: I64Vector, x: F64Vector, profile: F64Matrix, recent: F64Matrix, level: F64Vector, seen: I64Vector
) -> F64Matrix:
    """Residual, its step, and the means of the last values and residuals; a row of NaN for what is no number."""
    rows, window = np.full((len(x), FEATURES), np.nan), recent.shape[1]
    for i in range(len(x)):
        if not abs(x[i]) <= LARGEST:
            continue
        slot = (seconds[i] % _DAY_SECONDS) * SLOTS // _DAY_SECONDS
        n, weight = seen[0], profile[WEIGHT, slot]
        if n == 0:
            level[LEVEL] = x[i]
        usual = profile[SUM, slot] / weight if weight > 0.0 else level[LEVEL]
        residual, most = x[i] - usual, _MOST * level[DEVIATION]
        recent[VALUES, n % window], recent[RESIDUALS, n % window] = x[i], residual
        count = min(n + 1, window)
        rows[i, 0], rows[i, 1] = residual, residual - level[RESIDUAL]
        rows[i, 2], rows[i, 3] = _mean(recent[VALUES], count), _mean(recent[RESIDUALS], count)
        counted = residual if n < _FIRST_ROWS else max(-most, min(most, residual))
        profile[SUM, slot] = profile[SUM, slot] * _KEEP + usual + counted
        profile[WEIGHT, slot] = weight * _KEEP + 1.0
        level[LEVEL] += (x[i] - level[LEVEL]) * max(_LEVEL_SHARE, 1.0 / (n + 1))
        size = abs(counted) if most > 0.0 else abs(residual)  # a series that stood still may begin to move
        level[DEVIATION] += (size - level[DEVIATION]) * max(_DEVIATION_SHARE, 1.0 / (n + 1))
        level[RESIDUAL] = residual
        seen[0] += 1
    return rows


@numba.njit(cache=True, error_model="numpy")
def raise_alerts(
    scores: F64Vector,
    bar: F64Vector,
    since: I64Vector,
    least: float,
    step: float,
    keep: float,
    refractory: int,
    quiet: int,
) -> NDArray[np.bool_]:
    """Which scores are alerts; each raises the bar of those after it."""
    alerts = np.zeros(len(scores), np.bool_)
    for i in range(len(scores)):
        bar[0] *= keep
        since[ROWS] += 1
        since[SINCE] += 1
        if since[ROWS] <= quiet or since[SINCE] <= refractory or math.isnan(scores[i]):
            continue
        if scores[i] >= least + bar[0]:
            alerts[i] = True
            bar[0] += step
            since[SINCE] = 0
    return alerts
