"""Expected orders a pane, for one row: a slow level, an hour-of-week profile, and today's ratio.

    expected = level * factor(hour of week) * ratio          sd(expected) / expected = 1 / sqrt(precision)

* **level**: exponentially weighted orders over exponentially weighted factors, half-life 5 days.
* **factor**: gamma-Poisson shrinkage in three steps, so that it is usable after one day and exact after some
  weeks: hour of day towards 1, day of week towards 1, hour of week towards their product; half-life 8 weeks.
  Between two hours that differ by less than 4 times it runs in a straight line; at a steeper edge (a shop
  that closes) it steps.
* **ratio**: a gamma-Poisson filter with mean `ratio` and shape `precision` that follows today's departure
  from the profile and returns to 1 with a half-life of 8 hours. Entering an hour or a day about which the
  profile knows little costs precision: so a first Saturday is doubted, and what is doubted does not alert.

Sources: Harvey and Fernandes (1989), "Time series models for count or qualitative observations", JBES 7(4),
for the discounted gamma-Poisson filter; West and Harrison (1997), "Bayesian Forecasting and Dynamic Models".
"""

from __future__ import annotations

import math
from typing import Any, Final, NamedTuple

import numpy as np
from numba import njit

ROW: Final = np.dtype(
    [
        ("live", np.int64),  # 0: no key has this row, or its key fell silent for `retire_panes`
        ("learned", np.int64),  # panes learned since the row came alive
        ("level", np.float64, (2,)),  # orders, summed factors: both decayed
        ("hour_of_day", np.float64, (24, 2)),  # relative orders, panes: both decayed
        ("day_of_week", np.float64, (7, 2)),
        ("hour_of_week", np.float64, (168, 2)),
        ("scale", np.float64),  # mean of the hour-of-day table, by which its entries become factors
        ("scaled", np.int64),  # 0: the tables hold orders; 1: orders relative to the level
        ("hour", np.int64),  # whose factors are held below; -1: none
        ("factors", np.float64, (3,)),  # of the hour before, this hour and the next
        ("ratio", np.float64),
        ("ratio_next", np.int64),  # the next pane that the ratio learns
        ("precision", np.float64),
        ("run_panes", np.int64),  # the run of panes with no order
        ("run_expected", np.float64),
        ("run_doubt", np.float64),
        ("windows_from", np.int64),  # the first pane whose expectation counts
        ("strange", np.int64),  # tainted panes of the present episode
        ("calm", np.int64),  # untainted panes since the last tainted one
        ("quick", np.float64, (2,)),  # orders and expectation during a strange episode, quickly decayed
        ("slow", np.float64, (2,)),  # the same, slowly decayed
    ]
)

_LOCAL_DOUBT: Final = 0.03  # variance of a day's own ratio around the profile
# What an unseen factor is worth: its variance around the value it shrinks to, and the orders and the hours of
# evidence that weigh as much as that value.
_HOUR: Final = (0.7, 3.0, 0.1)
_DAY: Final = (0.3, 6.0, 7.0)
_CELL: Final = (0.1, 20.0, 0.5)
_MIDDLE: Final = 0.5
_STEEP: Final = 4.0
_LEAST_FACTOR: Final = 1e-3
_RATIO_BOUND: Final = 5.0
_TINY: Final = 1e-12
_FOREVER: Final = 1e9


class Tuning(NamedTuple):
    """The numbers that the kernels need; times in panes, memories as the share kept from pane to pane."""

    hour_panes: float
    level_keep: float
    hour_of_day_keep: float
    day_of_week_keep: float
    hour_of_week_keep: float
    ratio_keep: float
    spread_keep: float
    quick_keep: float
    slow_keep: float
    settle_panes: int
    ready_panes: int
    adopt_panes: int
    calm_panes: int
    retire_panes: int
    alert_p: float
    learn_p: float
    surge_ratio: float
    drop_ratio: float
    min_excess: float
    seasonal: bool


@njit(cache=True)
def start(rec: Any) -> None:
    """Begin the row anew, for a new key."""
    rec.scale = 1.0
    rec.hour_of_day[:] = 0.0
    rec.day_of_week[:] = 0.0
    rec.hour_of_week[:] = 0.0
    rec.scaled = 0
    wake(rec)


@njit(cache=True)
def wake(rec: Any) -> None:
    """Begin the level anew, and keep the profile: for a key that comes back after a long silence."""
    rec.live = 1
    rec.learned = 0
    rec.level[:] = 0.0
    rec.hour = -1
    rec.ratio = 1.0
    rec.ratio_next = 0
    rec.precision = 1.0 / _LOCAL_DOUBT
    rec.run_panes = 0
    rec.run_expected = 0.0
    rec.run_doubt = 0.0
    rec.windows_from = 0
    rec.strange = 0
    rec.calm = 0
    rec.quick[:] = 0.0
    rec.slow[:] = 0.0


@njit(cache=True)
def level_of(rec: Any) -> float:
    """Orders a pane at factor 1; 0 while nothing is learned."""
    return rec.level[0] / rec.level[1] if rec.level[1] > 0.0 else 0.0


@njit(cache=True)
def _rescale(rec: Any) -> None:
    orders, panes = 0.0, 0.0
    for hour in range(24):
        orders += rec.hour_of_day[hour, 0]
        panes += rec.hour_of_day[hour, 1]
    rec.scale = orders / panes if orders > 0.0 else 1.0


@njit(cache=True)
def _worth(rec: Any, prior: tuple[float, float, float], tune: Tuning) -> float:
    """How many panes of evidence weigh as much as the value that a factor shrinks to."""
    level = level_of(rec)
    return prior[2] * tune.hour_panes + (prior[1] / level if level > 0.0 else _FOREVER)


@njit(cache=True)
def _hourly(rec: Any, hour: int, tune: Tuning) -> float:
    """Shrunk factor of an hour of the day."""
    worth = _worth(rec, _HOUR, tune)
    return float((rec.hour_of_day[hour % 24, 0] / rec.scale + worth) / (rec.hour_of_day[hour % 24, 1] + worth))


@njit(cache=True)
def _factor(rec: Any, hour: int, tune: Tuning) -> float:
    """Shrunk factor of an hour of the week."""
    if not tune.seasonal:
        return 1.0
    scale = rec.scale
    weekday, cell = rec.day_of_week[hour // 24], rec.hour_of_week[hour]
    worth = _worth(rec, _DAY, tune)
    daily = (weekday[0] / scale + worth) / (weekday[1] + worth)
    worth = _worth(rec, _CELL, tune)
    prior = _hourly(rec, hour, tune) * daily
    return float(max((cell[0] / scale + worth * prior) / (cell[1] + worth), _LEAST_FACTOR))


@njit(cache=True)
def _unseen(rec: Any, seen_panes: float, prior: tuple[float, float, float], tune: Tuning) -> float:
    """How much of a shrunk factor is still its prior: 1 unseen, towards 0 well known."""
    worth = _worth(rec, prior, tune)
    return worth / (worth + seen_panes)


@njit(cache=True)
def unseen_day(rec: Any, hour: int, tune: Tuning) -> float:
    """How much of this weekday's factor is still its prior."""
    return _unseen(rec, rec.day_of_week[hour // 24, 1], _DAY, tune)


@njit(cache=True)
def _lose_precision(rec: Any, hour: int, tune: Tuning) -> None:
    """Doubt the ratio on entering an hour or a day about which the profile knows little.

    Never beyond what is known of any day: the ratio after a gap is no less certain than that of a new day.
    """
    now = 1.0 / rec.precision
    hourly = _HOUR[0] * _unseen(rec, rec.hour_of_day[hour % 24, 1], _HOUR, tune) ** 2
    daily = _DAY[0] * unseen_day(rec, hour, tune) ** 2
    added = hourly + daily if hour // 24 != rec.hour // 24 else hourly
    rec.precision = 1.0 / min(now + added, max(now, _LOCAL_DOUBT + hourly + daily))


@njit(cache=True)
def _enter(rec: Any, hour: int, tune: Tuning) -> None:
    """Hold the factors around this hour, and lose the precision that its novelty costs."""
    _rescale(rec)
    rec.factors[0] = _factor(rec, (hour + 167) % 168, tune)
    rec.factors[1] = _factor(rec, hour, tune)
    rec.factors[2] = _factor(rec, (hour + 1) % 168, tune)
    if tune.seasonal:
        _lose_precision(rec, hour, tune)
    rec.hour = hour


@njit(cache=True)
def factor_at(rec: Any, hour: int, gone: float, tune: Tuning) -> float:
    """Factor in this hour when `gone` of it is over: a straight line between the middles of the hours."""
    if rec.hour != hour:
        _enter(rec, hour, tune)
    here = rec.factors[1]
    there = rec.factors[2] if gone > _MIDDLE else rec.factors[0]
    if max(here, there) > _STEEP * min(here, there):
        return float(here)
    return float(here + (there - here) * abs(gone - _MIDDLE))


@njit(cache=True)
def doubt(rec: Any, dispersion: float) -> float:
    """Relative standard deviation of the expectation itself."""
    return math.sqrt(1.0 / rec.precision + dispersion / (rec.level[0] + dispersion))


@njit(cache=True)
def learn_ratio(rec: Any, count: float, factor: float, dispersion: float, tune: Tuning) -> None:
    """Follow today's departure from the profile."""
    base = level_of(rec) * factor
    prior = 1.0 / _LOCAL_DOUBT
    shape = tune.ratio_keep * rec.precision + (1.0 - tune.ratio_keep) * prior
    rate = tune.ratio_keep * rec.precision / rec.ratio + (1.0 - tune.ratio_keep) * prior
    shape += count / dispersion
    rate += base / dispersion
    rec.ratio = min(max(shape / rate, 1.0 / _RATIO_BOUND), _RATIO_BOUND)
    rec.precision = shape


@njit(cache=True)
def _decay(table: Any, i: int, keep: float, weight: float, orders: float, panes: float) -> None:
    kept = keep if weight == 1.0 else keep**weight
    table[i, 0] = table[i, 0] * kept + weight * orders
    table[i, 1] = table[i, 1] * kept + weight * panes


@njit(cache=True)
def learn_profile(rec: Any, count: float, hour: int, weight: float, tune: Tuning) -> None:
    """Count the pane in the tables, relative to the level."""
    relative = count / max(level_of(rec), _TINY)
    hourly = _hourly(rec, hour, tune)
    _decay(rec.day_of_week, hour // 24, tune.day_of_week_keep, weight, relative, hourly)
    _decay(rec.hour_of_week, hour, tune.hour_of_week_keep, weight, relative, 1.0)
    _decay(rec.hour_of_day, hour % 24, tune.hour_of_day_keep, weight, relative, 1.0)


@njit(cache=True)
def learn_level(rec: Any, count: float, hour: int, factor: float, tune: Tuning) -> None:
    """Learn a settled pane: the level, and the profile relative to it.

    On the first day the level still moves: orders are counted as they are, and scaled at its end.
    """
    rec.learned += 1
    rec.level[0] = rec.level[0] * tune.level_keep + count
    rec.level[1] = rec.level[1] * tune.level_keep + factor
    if not tune.seasonal:
        return
    if rec.scaled and rec.learned > 24 * tune.hour_panes:
        learn_profile(rec, count, hour, 1.0, tune)
    elif not rec.scaled:
        _decay(rec.hour_of_day, hour % 24, 1.0, 1.0, count, 1.0)
        if rec.learned >= 24 * tune.hour_panes:
            _rescale(rec)
            rec.hour_of_day[:, 0] /= rec.scale
            rec.scale, rec.scaled = 1.0, 1
