"""How odd are the last minutes, hours and the silence of one row: sliding windows over a ring of panes.

The count X of a window is negative binomial with

    mean = sum of the panes' expectations
    variance = dispersion * mean + wander * mean^2 + (sum of the panes' doubts)^2

`dispersion` (orders come in clumps) and `wander` (the rate strays from the profile) are learned per window,
by weighted least squares on squared residuals, a residual beyond 3.5 standard deviations counting as 3.5;
each window starts from the next shorter one's values, which weigh as much as 2 days and 20 windows of
evidence. The run of panes with no order is one more window, as long as the silence: P(X = 0) for all that was
expected since the last order, hence the same test at any scale.

Sources: Farrington et al. (1996), "A statistical algorithm for the early detection of outbreaks of infectious
disease", JRSS A 159(3); Noufaily et al. (2013), "An improved algorithm for outbreak detection in multiple
surveillance systems", Statistics in Medicine 32(7) (negative binomial limits instead of normal ones, past
outbreaks kept out of the baseline); Breslow (1984), "Extra-Poisson variation in log-linear models", JRSS C
33(1) (both variances by moments).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from numba import njit

from models.volume_tail import at_least, at_most

if TYPE_CHECKING:
    from models.volume_findings import F64, I64
    from models.volume_season import Tuning

COUNT, EXPECTED, DOUBT, FACTOR, HOUR, TAINTED = range(6)  # a pane in the ring
RING_FIELDS: Final = 6
SUM_FIELDS: Final = 3  # of them, the first that are summed by window
DISPERSION, WANDER, M2, M3, M4, MR, M2R, SAMPLES = range(8)  # the spread of a window: two fits, decayed sums
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
    mask = len(ring) - 1
    new = pane & mask
    for k in range(len(windows)):
        old = (pane - windows[k]) & mask
        for field in range(SUM_FIELDS):
            sums[k, field] += ring[new, field] - ring[old, field]
            if new == 0:
                sums[k, field] = 0.0
                for back in range(windows[k]):
                    sums[k, field] += ring[(pane - back) & mask, field]


@njit(cache=True)
def _fit(spread: F64, k: int, dispersion: float, wander: float, worth: float) -> tuple[float, float]:
    """Least squares of squared residuals on (mean, mean^2), shrunk to the given pair, within the bounds."""
    m2, m3, m4 = spread[k, M2], spread[k, M3], spread[k, M4]
    if m2 <= 0.0:
        return dispersion, wander
    x = spread[k, MR] + worth * (m2 * dispersion + m3 * wander)
    y = spread[k, M2R] + worth * (m3 * dispersion + m4 * wander)
    m2, m3, m4 = m2 * (1.0 + worth), m3 * (1.0 + worth), m4 * (1.0 + worth)
    det = m2 * m4 - m3 * m3
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
        prior = (_PRIOR_HOURS * tune.hour_panes + _PRIOR_WINDOWS * windows[k]) / max(windows[k] // 10, 1)
        dispersion, wander = _fit(spread, k, dispersion, wander, prior / max(spread[k, SAMPLES], 1.0))
        spread[k, DISPERSION], spread[k, WANDER] = dispersion, wander


@njit(cache=True)
def variance_of(spread: F64, k: int, mean: float, doubt: float) -> float:
    """Variance of window k's count."""
    return float((spread[k, DISPERSION] + spread[k, WANDER] * mean) * mean + doubt**2)


@njit(cache=True)
def learn_spread(spread: F64, k: int, count: float, mean: float, doubt: float, keep: float) -> None:
    """Add one residual, clipped, to window k's weighted least squares."""
    most = _CLIP_SQUARED * (variance_of(spread, k, mean, doubt) + spread[k, DISPERSION] ** 2)
    square = min((count - mean) ** 2, most) - doubt**2
    share = mean / (1.0 + mean)  # weight 1 / (1 + mean)^2: about the inverse of the square's own variance
    squared = share * share
    spread[k, M2] = spread[k, M2] * keep + squared
    spread[k, M3] = spread[k, M3] * keep + squared * mean
    spread[k, M4] = spread[k, M4] * keep + squared * mean * mean
    spread[k, MR] = spread[k, MR] * keep + share / (1.0 + mean) * square
    spread[k, M2R] = spread[k, M2R] * keep + squared * square
    spread[k, SAMPLES] = spread[k, SAMPLES] * keep + 1.0


@njit(cache=True)
def learn_spreads(rec: Any, sums: F64, spread: F64, windows: I64, pane: int, tune: Tuning) -> None:
    """Learn the residual of each full window, ten times in its length: in between it is nearly the same."""
    for k in range(len(windows)):
        stride = max(windows[k] // 10, 1)
        if pane % stride == 0 and pane - windows[k] + 1 >= rec.windows_from:
            keep = tune.spread_keep if stride == 1 else tune.spread_keep**stride
            mean = max(sums[k, EXPECTED], 0.0)
            learn_spread(spread, k, sums[k, COUNT], mean, sums[k, DOUBT], keep)


@njit(cache=True)
def _effect(x: float, mean: float, tune: Tuning) -> int:
    """+1 or -1 where the ratio alone would count as a surge or a drop, else 0."""
    if x >= tune.surge_ratio * mean:
        return 1
    return -1 if x <= tune.drop_ratio * mean else 0


@njit(cache=True)
def _keep_best(best: F64, p: float, panes: float, x: float, mean: float, variance: float, way: int) -> None:
    if p < best[P]:
        best[P], best[WINDOW], best[OBSERVED] = p, panes, x
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
        variance = variance_of(spread, k, mean, sums[k, DOUBT])
        if way > 0:
            _keep_best(best, at_least(x, mean, variance), windows[k], x, mean, variance, 1)
        else:
            _keep_best(best, at_most(x, mean, variance), windows[k], x, mean, variance, -1 if x > 0.0 else 0)


@njit(cache=True)
def judge_silence(rec: Any, spread: F64, windows: I64, tune: Tuning, best: F64) -> None:
    """Compare the run with no order with the best so far."""
    mean = rec.run_expected
    if mean < tune.min_excess:
        return
    k = 0
    while k + 1 < len(windows) and windows[k] < rec.run_panes:
        k += 1
    variance = variance_of(spread, k, mean, rec.run_doubt)
    _keep_best(best, at_most(0.0, mean, variance), rec.run_panes, 0.0, mean, variance, 0)
