"""What a row learns from its panes, and what not: odd panes are left out, until they are the new normal.

A pane is compared as it closes and learned later: by today's ratio when the windows that hold at least 12
expected orders (but at least the second shortest) have passed it, by level and profile after `settle_panes`.
In between, a window found odd taints its panes, and tainted panes are not learned: neither a surge, nor its
first minutes before it was found, nor a gap.

Three ways lead back from there:

* When the tainted panes of an episode (no `calm_panes` untainted ones in between) amount to `adopt_panes` and
  the departure is steady (its average over 6 hours and over 24 hours agree within a quarter), or to twice as
  many, steady or not, the one of the two nearer to the old level is taken for the new level. A departure with
  less than 2 % of its orders is a gap, and is never adopted.
* The profile learns tainted panes with a quarter of their weight, with more while a weekday has hardly been
  seen, and up to 3 times what was expected: a weekly habit that looks odd is learned in time. A silence of
  more than 3 days is no habit.
* After `retire_panes` of silence the row sleeps; its next order starts the level anew, with the old profile.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from numba import njit

from models.volume_season import learn_level, learn_profile, learn_ratio, level_of, unseen_day
from models.volume_windows import COUNT, DISPERSION, EXPECTED, FACTOR, HOUR, OBSERVED, TAINTED, WINDOW

if TYPE_CHECKING:
    from models.volume_findings import F64, I64
    from models.volume_season import Tuning

FIRST_LEVEL_PANES: Final = 30  # panes learned before anything is expected at all
_ODD: Final = 1.0
_SILENT: Final = 2.0
_RATIO_LAG_ORDERS: Final = 12.0
_TAINTED_WEIGHT: Final = 0.25
_TAINTED_CLIP: Final = 3.0
_HABIT_DAYS: Final = 3
_STEADY: Final = 1.25
_GAP_SHARE: Final = 0.02
_ADOPTED_PRECISION: Final = 10.0


@njit(cache=True)
def taint(ring: F64, pane: int, best: F64) -> None:
    """Mark the odd window's panes."""
    mark = _ODD if best[OBSERVED] > 0.0 else _SILENT
    for back in range(min(int(best[WINDOW]), len(ring))):
        ring[(pane - back) & (len(ring) - 1), TAINTED] = mark


@njit(cache=True)
def end_run(rec: Any) -> None:
    """There was an order: the next silence begins at nothing."""
    rec.run_panes, rec.run_expected, rec.run_doubt = 0, 0.0, 0.0


@njit(cache=True)
def _adopt(rec: Any, pane: int, change: float) -> None:
    """Take the level of the episode for the new one; windows begin anew."""
    rec.level[0] *= rec.ratio * change
    rec.ratio = 1.0
    rec.precision = min(rec.precision, _ADOPTED_PRECISION)
    rec.windows_from = pane + 1
    rec.strange = 0
    end_run(rec)


@njit(cache=True)
def _follow_episode(rec: Any, count: float, mean: float, pane: int, tune: Tuning) -> None:
    """Count a tainted pane, and adopt the level when the episode has lasted."""
    if rec.strange == 0:
        rec.quick[:] = 0.0
        rec.slow[:] = 0.0
    rec.strange += 1
    rec.calm = 0
    for sums, keep in ((rec.quick, tune.quick_keep), (rec.slow, tune.slow_keep)):
        sums[0] = sums[0] * keep + count
        sums[1] = sums[1] * keep + mean
    if rec.strange < tune.adopt_panes or rec.quick[1] <= 0.0:
        return
    quick, slow = rec.quick[0] / rec.quick[1], rec.slow[0] / rec.slow[1]
    steady = max(quick, slow) <= _STEADY * min(quick, slow)
    if quick >= _GAP_SHARE and (steady or rec.strange >= 2 * tune.adopt_panes):
        _adopt(rec, pane, quick if abs(math.log(quick)) < abs(math.log(slow)) else slow)


@njit(cache=True)
def follow_ratio(rec: Any, ring: F64, sums: F64, spread: F64, windows: I64, pane: int, tune: Tuning) -> None:
    """Let the ratio learn the panes whose oddness would have been found by now."""
    k = min(1, len(windows) - 1)
    while k + 1 < len(windows) and sums[k, EXPECTED] < _RATIO_LAG_ORDERS:
        k += 1
    rec.ratio_next = max(rec.ratio_next, rec.windows_from, pane - len(ring) + 1)
    while rec.ratio_next <= pane - windows[k]:
        at = rec.ratio_next & (len(ring) - 1)
        if ring[at, TAINTED] == 0.0:
            learn_ratio(rec, ring[at, COUNT], ring[at, FACTOR], spread[k, DISPERSION], tune)
        rec.ratio_next += 1


@njit(cache=True)
def _learn_tainted(rec: Any, count: float, hour: int, factor: float, tune: Tuning) -> None:
    """Let the profile learn a little of an odd pane."""
    if rec.scaled and tune.seasonal and rec.run_panes < _HABIT_DAYS * 24.0 * tune.hour_panes:
        most = _TAINTED_CLIP * (level_of(rec) * factor + 1.0)
        learn_profile(rec, min(count, most), hour, max(_TAINTED_WEIGHT, unseen_day(rec, hour, tune)), tune)


@njit(cache=True)
def settle(rec: Any, ring: F64, pane: int, tune: Tuning) -> None:
    """Learn the pane that is old enough to have been found odd or not."""
    at = (pane - tune.settle_panes) & (len(ring) - 1)
    count, hour, mark = ring[at, COUNT], int(ring[at, HOUR]), ring[at, TAINTED]
    if mark > 0.0:
        _learn_tainted(rec, count, hour, ring[at, FACTOR], tune)
        if mark == _ODD:
            _follow_episode(rec, count, ring[at, EXPECTED], pane, tune)
    elif mark == 0.0:
        rec.calm += 1
        if rec.calm >= tune.calm_panes:
            rec.strange = 0
        learn_level(rec, count, hour, ring[at, FACTOR], tune)
        if rec.learned == FIRST_LEVEL_PANES:
            rec.windows_from = pane + 1
