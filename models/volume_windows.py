"""How surprising are the last minutes, hours and the silence of one row: sliding windows over a ring of panes.

The count X of a window is negative binomial with

    mean = sum of the panes' expectations          variance = dispersion * mean + (sum of the panes' doubts)^2

The dispersion (variance over mean) is learned per window by the method of moments on residuals, a residual
beyond 3.5 standard deviations counting as 3.5; so a slow wandering of the rate, which a model of minutes does
not know, widens the long windows by itself. The run of panes with no order is one more window, as long as the
silence: P(X = 0) for all that was expected since the last order, hence the same test at any scale.

Sources: Farrington et al. (1996), "A statistical algorithm for the early detection of outbreaks of infectious
disease", JRSS A 159(3); Noufaily et al. (2013), "An improved algorithm for outbreak detection in multiple
surveillance systems", Statistics in Medicine 32(7) (negative binomial limits instead of normal ones, past
outbreaks kept out of the baseline).
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numba import njit
from numpy.typing import NDArray

from models.volume_season import Tuning
from models.volume_tail import at_least, at_most

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]

COUNT, EXPECTED, DOUBT, FACTOR, HOUR, TAINTED = range(6)  # a pane in the ring
RING_FIELDS: Final = 6
DISPERSION, WANDER, M2, M3, M4, MR, M2R, PANES = range(8)  # the spread of a window: two fits, decayed sums
SPREAD_FIELDS: Final = 8
P, WINDOW, OBSERVED, MEAN, VARIANCE, DIRECTION = range(6)  # the most surprising window of a pane
BEST_FIELDS: Final = 6

_FIRST_DISPERSION: Final = 1.5
_LEAST_DISPERSION: Final = 1.02
_FIRST_WANDER: Final = 0.03
_MOST_WANDER: Final = 1.0
_SINGULAR: Final = 1e-9
_PRIOR_WINDOWS: Final = 20.0
_PRIOR_HOURS: Final = 48.0
_CLIP_SQUARED: Final = 12.0


@njit(cache=True)
def clear(ring: F64, sums: F64) -> None:
    """Forget the panes; those from before the row came alive are never learned."""
    ring[:] = 0.0
    ring[:, TAINTED] = -1.0
    sums[:] = 0.0


@njit(cache=True)
def slide(sums: F64, ring: F64, windows: I64, pane: int) -> None:
    """Move each window's sums on to this pane; sum anew once a ring so that rounding cannot pile up."""
    last = len(ring) - 1
    anew = pane & last == 0
    for k in range(len(windows)):
        for field in range(3):
            sums[k, field] += ring[pane & last, field] - ring[(pane - windows[k]) & last, field]
            if anew:
                sums[k, field] = 0.0
                for back in range(windows[k]):
                    sums[k, field] += ring[(pane - back) & last, field]


@njit(cache=True)
def _fit(own: F64, dispersion: float, wander: float, worth: float) -> tuple[float, float]:
    """Least squares of squared residuals on (mean, mean^2), shrunk to the given pair, within the bounds."""
    m2, m3, m4 = own[M2] * (1.0 + worth), own[M3] * (1.0 + worth), own[M4] * (1.0 + worth)
    x = own[MR] + worth * (own[M2] * dispersion + own[M3] * wander)
    y = own[M2R] + worth * (own[M3] * dispersion + own[M4] * wander)
    det = m2 * m4 - m3 * m3
    if m2 <= 0.0:
        return dispersion, wander
    if det > _SINGULAR * m2 * m4:
        wander = (m2 * y - m3 * x) / det
    wander = min(max(wander, 0.0), _MOST_WANDER)
    dispersion = (x - m3 * wander) / m2
    if dispersion < _LEAST_DISPERSION:
        dispersion = _LEAST_DISPERSION
        wander = min(max((y - m3 * dispersion) / m4, 0.0), _MOST_WANDER)
    return dispersion, wander


@njit(cache=True)
def fit_spread(spread: F64, windows: I64, tune: Tuning) -> None:
    """Solve each window's dispersion and wander from its sums, shrunk towards the next shorter window's."""
    dispersion, wander = _FIRST_DISPERSION, _FIRST_WANDER
    for k in range(len(windows)):
        own = spread[k]
        worth = (_PRIOR_HOURS * tune.hour_panes + _PRIOR_WINDOWS * windows[k]) / max(own[PANES], 1.0)
        dispersion, wander = _fit(own, dispersion, wander, worth)
        own[DISPERSION], own[WANDER] = dispersion, wander


@njit(cache=True)
def variance_of(own: F64, mean: float, doubt: float) -> float:
    """Variance of a window's count."""
    return (own[DISPERSION] + own[WANDER] * mean) * mean + doubt**2


@njit(cache=True)
def learn_spread(own: F64, window: F64, keep: float) -> None:
    """Add one residual, clipped, to the window's weighted least squares."""
    mean = max(window[EXPECTED], 0.0)
    most = _CLIP_SQUARED * (variance_of(own, mean, window[DOUBT]) + own[DISPERSION] ** 2)
    square = min((window[COUNT] - mean) ** 2, most) - window[DOUBT] ** 2
    share = mean / (1.0 + mean)  # weight 1 / (1 + mean)^2: about the inverse of the square's own variance
    own[M2] = own[M2] * keep + share * share
    own[M3] = own[M3] * keep + share * share * mean
    own[M4] = own[M4] * keep + share * share * mean * mean
    own[MR] = own[MR] * keep + share / (1.0 + mean) * square
    own[M2R] = own[M2R] * keep + share * share * square
    own[PANES] = own[PANES] * keep + 1.0


@njit(cache=True)
def _effect(x: float, mean: float, tune: Tuning) -> int:
    """+1 or -1 where the ratio alone would count as a surge or a drop, else 0."""
    if x >= tune.surge_ratio * mean:
        return 1
    return -1 if x <= tune.drop_ratio * mean else 0


@njit(cache=True)
def _keep_best(best: F64, p: float, window: float, x: float, mean: float, variance: float, way: float) -> None:
    if p < best[P]:
        best[P], best[WINDOW], best[OBSERVED] = p, window, x
        best[MEAN], best[VARIANCE], best[DIRECTION] = mean, variance, way


@njit(cache=True)
def judge_windows(rec: Any, sums: F64, spread: F64, windows: I64, pane: int, tune: Tuning, best: F64) -> None:
    """Find the most surprising window.

    A window counts only while the next shorter one departs the same way: otherwise a burst of a minute would
    be reported for six hours.
    """
    newest = 0
    for k in range(len(windows)):
        if pane - windows[k] + 1 < rec.windows_from:
            return
        x, mean = sums[k, COUNT], max(sums[k, EXPECTED], 0.0)
        way = _effect(x, mean, tune)
        lasting = k == 0 or way == newest
        newest = way
        if way == 0 or not lasting or abs(x - mean) < tune.min_excess:
            continue
        variance = variance_of(spread[k], mean, sums[k, DOUBT])
        if way > 0:
            _keep_best(best, at_least(x, mean, variance), windows[k], x, mean, variance, 1.0)
        else:
            direction = -1.0 if x > 0.0 else 0.0
            _keep_best(best, at_most(x, mean, variance), windows[k], x, mean, variance, direction)


@njit(cache=True)
def judge_silence(rec: Any, spread: F64, windows: I64, tune: Tuning, best: F64) -> None:
    """Compare the run with no order with the best so far."""
    mean = rec.run_expected
    if mean < tune.min_excess:
        return
    k = 0
    while k + 1 < len(windows) and windows[k] < rec.run_panes:
        k += 1
    variance = variance_of(spread[k], mean, rec.run_doubt)
    _keep_best(best, at_most(0.0, mean, variance), rec.run_panes, 0.0, mean, variance, 0.0)
