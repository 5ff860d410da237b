"""The pane loop of the seasonal volume baseline: compiled, one row at a time, panes in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numba import njit

from models.volume_findings import FINDING_FIELDS, RANGE_TAIL
from models.volume_learning import FIRST_LEVEL_PANES, end_run, follow_ratio, settle, taint
from models.volume_season import doubt, factor_at, level_of, start, wake
from models.volume_tail import least_beyond, most_below
from models.volume_windows import (
    BEST_FIELDS,
    COUNT,
    DIRECTION,
    DISPERSION,
    DOUBT,
    EXPECTED,
    FACTOR,
    HOUR,
    MEAN,
    OBSERVED,
    TAINTED,
    VARIANCE,
    WINDOW,
    P,
    clear,
    fit_spread,
    judge_silence,
    judge_windows,
    learn_spreads,
    slide,
    variance_of,
)

if TYPE_CHECKING:
    from models.volume_findings import F64, I64
    from models.volume_season import Tuning

_AWAKE: Final = 1
_ASLEEP: Final = 2


@njit(cache=True)
def _expect(
    rec: Any, ring: F64, at: int, count: float, hour: int, gone: float, dispersion: float, tune: Tuning
) -> None:
    """Fill the pane's place in the ring, and extend or end the run with no order."""
    factor = factor_at(rec, hour, gone, tune)
    mean = level_of(rec) * factor * rec.ratio if rec.learned >= FIRST_LEVEL_PANES else 0.0
    sd = mean * doubt(rec, dispersion)
    ring[at, COUNT], ring[at, EXPECTED], ring[at, DOUBT] = count, mean, sd
    ring[at, FACTOR], ring[at, HOUR], ring[at, TAINTED] = factor, hour, 0.0
    if count > 0.0:
        end_run(rec)
    else:
        rec.run_panes += 1
        rec.run_expected += mean
        rec.run_doubt += sd


@njit(cache=True)
def _judge(rec: Any, ring: F64, sums: F64, spread: F64, windows: I64, pane: int, tune: Tuning, best: F64) -> None:
    """Find the oddest window; taint its panes, or learn how far normal windows spread."""
    best[P] = 1.0
    if rec.learned >= tune.ready_panes:
        judge_windows(rec, sums, spread, windows, pane, tune, best)
        judge_silence(rec, spread, windows, tune, best)
    if best[P] < tune.learn_p:
        taint(ring, pane, best)
    elif rec.learned >= FIRST_LEVEL_PANES:
        learn_spreads(rec, sums, spread, windows, pane, tune)


@njit(cache=True)
def _observe(
    rec: Any, ring: F64, sums: F64, spread: F64, windows: I64,
    pane: int, count: float, hour: int, gone: float, tune: Tuning, best: F64,
) -> None:  # fmt: skip
    """Close one pane of one row."""
    if rec.hour != hour:
        fit_spread(spread, windows, tune)
    _expect(rec, ring, pane & (len(ring) - 1), count, hour, gone, spread[0, DISPERSION], tune)
    slide(sums, ring, windows, pane)
    _judge(rec, ring, sums, spread, windows, pane, tune, best)
    follow_ratio(rec, ring, sums, spread, windows, pane, tune)
    settle(rec, ring, pane, tune)
    if rec.run_panes >= tune.retire_panes:
        rec.live = _ASLEEP


@njit(cache=True)
def _begin(rec: Any, ring: F64, sums: F64, spread: F64, fresh: bool) -> None:
    """Make the row ready for an order, if it is new or asleep."""
    if fresh or rec.live == 0:
        start(rec)
        spread[:] = 0.0
        clear(ring, sums)
    elif rec.live == _ASLEEP:
        wake(rec)
        clear(ring, sums)


@njit(cache=True)
def with_room(found: F64, used: int) -> F64:
    """Return the same findings with room for one more."""
    if used < len(found):
        return found
    larger = np.empty((2 * len(found), found.shape[1]))
    larger[:used] = found
    return larger


@njit(cache=True)
def report(out: F64, row: int, pane: int, best: F64) -> None:
    """Write a finding."""
    mean, variance = best[MEAN], best[VARIANCE]
    out[0], out[1], out[2], out[3], out[4] = row, pane, best[WINDOW], best[OBSERVED], mean
    out[5], out[6] = most_below(RANGE_TAIL, mean, variance), least_beyond(RANGE_TAIL, mean, variance)
    out[7], out[8] = best[P], best[DIRECTION]


@njit(cache=True)
def close_panes(
    rows: Any, rings: F64, sums: F64, spreads: F64, windows: I64, first: int, hours: I64, gone: F64,
    entry_rows: I64, entry_panes: I64, counts: I64, fresh: Any, tune: Tuning,
) -> tuple[F64, int]:  # fmt: skip
    """Close the panes from `first` on, for every row; entries come sorted by row and pane, one each.

    Returns the findings, row by row, and how many there are.
    """
    found, used, best = np.empty((16, FINDING_FIELDS)), 0, np.empty(BEST_FIELDS)
    at, last = 0, first + len(hours) - 1
    for row in range(len(rows)):
        rec, pane = rows[row], first
        ring, total, spread = rings[row], sums[row], spreads[row]
        while pane <= last:
            mine = at < len(entry_rows) and entry_rows[at] == row
            if rec.live != _AWAKE:
                if not mine:
                    break
                pane = entry_panes[at]
            count = 0.0
            if mine and entry_panes[at] == pane:
                _begin(rec, ring, total, spread, fresh[at])
                count = float(counts[at])
                at += 1
            hour, part = hours[pane - first], gone[pane - first]
            _observe(rec, ring, total, spread, windows, pane, count, hour, part, tune, best)
            if best[P] < tune.alert_p:
                found = with_room(found, used)
                report(found[used], row, pane, best)
                used += 1
            pane += 1
    return found, used


@njit(cache=True)
def project(row: Any, spread: F64, windows: I64, hours: I64, gone: F64, tune: Tuning) -> tuple[float, float, float]:
    """Low, expected and high count of a window; `row` is a copy, since looking at an hour leaves a mark."""
    rec = row[0]
    if rec.learned < tune.ready_panes:
        return np.nan, np.nan, np.nan
    mean = 0.0
    for i in range(len(hours)):
        mean += level_of(rec) * factor_at(rec, hours[i], gone[i], tune) * rec.ratio
    k = 0
    while k + 1 < len(windows) and windows[k] < len(hours):
        k += 1
    variance = variance_of(spread, k, mean, mean * doubt(rec, spread[0, DISPERSION]))
    return most_below(RANGE_TAIL, mean, variance), mean, least_beyond(RANGE_TAIL, mean, variance)
