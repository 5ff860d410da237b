"""The pane loop of the seasonal volume baseline: compiled, one row at a time, panes in order.

A pane is compared as it closes, and learned later: by the local ratio after `local_lag_panes`, by level and
profile after `settle_panes`. In between, any window that is found strange marks its panes as tainted, and a
tainted pane is not learned: neither the surge nor the first minutes of it before it was found, nor a gap.
When the tainted panes have lasted `adopt_panes` and the departure is steady (its quick and its slow average
agree within a quarter; after three times as long, steady or not), the recent ratio is taken for the new level.
A departure with less than 2 % of its orders is a gap and is never adopted; after `retire_panes` of silence the
row sleeps, and begins its level anew, with the profile it had, at the next order.
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np
from numba import njit

from models.volume_season import Tuning, doubt, factor_at, learn_level, learn_profile, learn_ratio, level_of, start, unseen_day, wake
from models.volume_tail import least_beyond, most_below
from models.volume_windows import (
    BEST_FIELDS,
    COUNT,
    DIRECTION,
    DISPERSION,
    DOUBT,
    EXPECTED,
    F64,
    FACTOR,
    HOUR,
    I64,
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
    learn_spread,
    slide,
)

FINDING_FIELDS: Final = 9
FIRST_LEVEL_PANES: Final = 30
RANGE_TAIL: Final = 0.005
_STEADY: Final = 1.25
_GAP_SHARE: Final = 0.02
_ADOPTED_PRECISION: Final = 10.0
_STRANGE: Final = 1.0
_SILENT: Final = 2.0
_HABIT_DAYS: Final = 3
_TAINTED_WEIGHT: Final = 0.25  # a weekly habit that looks strange is learned, in some months
_RATIO_LAG_ORDERS: Final = 12.0


@njit(cache=True)
def _end_run(rec: Any) -> None:
    rec.run_panes, rec.run_expected, rec.run_doubt = 0, 0.0, 0.0


@njit(cache=True)
def _expect(rec: Any, cell: F64, count: float, hour: int, gone: float, dispersion: float, tune: Tuning) -> None:
    """Fill the pane's cell of the ring, and extend or end the run with no order."""
    factor = factor_at(rec, hour, gone, tune)
    mean = level_of(rec) * factor * rec.ratio if rec.learned >= FIRST_LEVEL_PANES else 0.0
    cell[COUNT], cell[EXPECTED], cell[DOUBT] = count, mean, mean * doubt(rec, dispersion)
    cell[FACTOR], cell[HOUR], cell[TAINTED] = factor, hour, 0.0
    if count > 0.0:
        _end_run(rec)
    else:
        rec.run_panes += 1
        rec.run_expected += mean
        rec.run_doubt += cell[DOUBT]


@njit(cache=True)
def _taint(ring: F64, pane: int, best: F64) -> None:
    """Mark the window's panes; those not learned yet will not be."""
    mark = _STRANGE if best[OBSERVED] > 0.0 else _SILENT
    for back in range(min(int(best[WINDOW]), len(ring))):
        ring[(pane - back) & (len(ring) - 1), TAINTED] = mark


@njit(cache=True)
def _adopt(rec: Any, pane: int, change: float) -> None:
    """Take the level of the episode for the new one."""
    rec.level[0] *= rec.ratio * change
    rec.ratio = 1.0
    rec.precision = min(rec.precision, _ADOPTED_PRECISION)
    rec.windows_from = pane + 1
    rec.strange = 0
    _end_run(rec)


@njit(cache=True)
def _follow_episode(rec: Any, old: F64, pane: int, tune: Tuning) -> None:
    """Count a tainted pane, and adopt the level when the episode has lasted and is steady."""
    if rec.strange == 0:
        rec.quick[:] = 0.0
        rec.slow[:] = 0.0
    rec.strange += 1
    rec.calm = 0
    for sums, keep in ((rec.quick, tune.quick_keep), (rec.slow, tune.slow_keep)):
        sums[0] = sums[0] * keep + old[COUNT]
        sums[1] = sums[1] * keep + old[EXPECTED]
    if rec.strange < tune.adopt_panes or rec.quick[1] <= 0.0:
        return
    quick, slow = rec.quick[0] / rec.quick[1], rec.slow[0] / rec.slow[1]
    steady = max(quick, slow) <= _STEADY * min(quick, slow)
    if quick >= _GAP_SHARE and (steady or rec.strange >= 2 * tune.adopt_panes):
        _adopt(rec, pane, quick if abs(math.log(quick)) < abs(math.log(slow)) else slow)


@njit(cache=True)
def _follow_ratio(rec: Any, ring: F64, sums: F64, spread: F64, windows: I64, pane: int, tune: Tuning) -> None:
    """Let the ratio learn up to the window that holds enough orders to have been found strange by now."""
    k = 1 if len(windows) > 1 else 0
    while k + 1 < len(windows) and sums[k, EXPECTED] < _RATIO_LAG_ORDERS:
        k += 1
    rec.ratio_next = max(rec.ratio_next, rec.windows_from, pane - len(ring) + 1)
    while rec.ratio_next <= pane - windows[k]:
        cell = ring[rec.ratio_next & (len(ring) - 1)]
        if cell[TAINTED] == 0.0:
            learn_ratio(rec, cell[COUNT], cell[FACTOR], spread[k, DISPERSION], tune)
        rec.ratio_next += 1


@njit(cache=True)
def _settle(rec: Any, ring: F64, pane: int, tune: Tuning) -> None:
    """Learn the panes that are old enough to have been found normal or not."""
    old = ring[(pane - tune.settle_panes) & (len(ring) - 1)]
    if old[TAINTED] > 0.0:
        if tune.seasonal and rec.scaled and rec.run_panes < _HABIT_DAYS * 24 * tune.hour_panes:
            hour = int(old[HOUR])
            learn_profile(rec, old[COUNT], hour, max(_TAINTED_WEIGHT, unseen_day(rec, hour, tune)), tune)
        if old[TAINTED] == _STRANGE:
            _follow_episode(rec, old, pane, tune)
    elif old[TAINTED] == 0.0:
        rec.calm += 1
        if rec.calm >= tune.calm_panes:
            rec.strange = 0
        learn_level(rec, old[COUNT], int(old[HOUR]), old[FACTOR], tune)
        if rec.learned == FIRST_LEVEL_PANES:
            rec.windows_from = pane + 1


@njit(cache=True)
def _judge(
    rec: Any, ring: F64, sums: F64, spread: F64, windows: I64, pane: int, tune: Tuning, best: F64
) -> None:
    """Find the most surprising window; taint it, or learn how wide the windows spread."""
    best[P] = 1.0
    if rec.learned >= tune.ready_panes:
        judge_windows(rec, sums, spread, windows, pane, tune, best)
        judge_silence(rec, spread, windows, tune, best)
    if best[P] < tune.learn_p:
        _taint(ring, pane, best)
        return
    for k in range(len(windows)):
        if pane - windows[k] + 1 >= rec.windows_from:
            learn_spread(spread[k], sums[k], tune.spread_keep)


@njit(cache=True)
def _with_room(found: F64, used: int) -> F64:
    if used < len(found):
        return found
    larger = np.empty((2 * len(found), found.shape[1]))
    larger[:used] = found
    return larger


@njit(cache=True)
def _report(out: F64, row: int, pane: int, best: F64) -> None:
    mean, variance = best[MEAN], best[VARIANCE]
    out[0], out[1], out[2], out[3], out[4] = row, pane, best[WINDOW], best[OBSERVED], mean
    out[5], out[6] = most_below(RANGE_TAIL, mean, variance), least_beyond(RANGE_TAIL, mean, variance)
    out[7], out[8] = best[P], best[DIRECTION]


@njit(cache=True)
def close_panes(
    rows: Any, rings: F64, sums: F64, spreads: F64, windows: I64, first: int, hours: I64, gone: F64,
    entry_rows: I64, entry_panes: I64, counts: I64, fresh: Any, tune: Tuning,
) -> tuple[F64, int]:
    """Close the panes from `first` on, for every row; entries come sorted by row and pane, one each.

    Returns the findings, row by row, and how many there are.
    """
    found, used = np.empty((16, FINDING_FIELDS)), 0
    best = np.empty(BEST_FIELDS)
    at, end = 0, len(entry_rows)
    for row in range(len(rows)):
        rec, ring, total, spread = rows[row], rings[row], sums[row], spreads[row]
        pane, last = first, first + len(hours) - 1
        while pane <= last:
            mine = at < end and entry_rows[at] == row
            if rec.live != 1 and not mine:
                break
            if rec.live != 1:
                pane = entry_panes[at]
            count = 0.0
            if mine and entry_panes[at] == pane:
                count = float(counts[at])
                if fresh[at] or rec.live == 0:
                    start(rec)
                    spread[:] = 0.0
                    clear(ring, total)
                elif rec.live == 2:
                    wake(rec)
                    clear(ring, total)
                at += 1
            i = pane - first
            if rec.hour != hours[i]:
                fit_spread(spread, windows, tune)
            _expect(rec, ring[pane & (len(ring) - 1)], count, hours[i], gone[i], spread[0, DISPERSION], tune)
            slide(total, ring, windows, pane)
            if rec.learned >= FIRST_LEVEL_PANES:
                _judge(rec, ring, total, spread, windows, pane, tune, best)
                if best[P] < tune.alert_p:
                    found = _with_room(found, used)
                    _report(found[used], row, pane, best)
                    used += 1
            _follow_ratio(rec, ring, total, spread, windows, pane, tune)
            _settle(rec, ring, pane, tune)
            if rec.run_panes >= tune.retire_panes:
                rec.live = 2
            pane += 1
    return found, used
