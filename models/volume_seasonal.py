"""Volume baseline for few keys: seasonal, with zero fill; finds surges, drops and silence."""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from features.keys import grown
from models.volume_clock import BusinessClock
from models.volume_findings import F64, I64, Findings, Flags, Tally
from models.volume_panes import close_panes, project
from models.volume_season import ROW, Tuning
from models.volume_windows import RING_FIELDS, SPREAD_FIELDS, SUM_FIELDS, fit_spread

State = dict[str, NDArray[Any]]

_CHUNK_PANES: Final = 1 << 16  # bounds the memory that a long silence takes
_HOUR_SECONDS: Final = 3600
_FIRST_ROWS: Final = 8


def _keep(half_life_panes: float) -> float:
    """Share of an exponentially weighted sum that is kept from pane to pane."""
    return float(0.5 ** (1.0 / half_life_panes))


class SeasonalVolume:
    """Expects so many orders of each key in each window, and says which windows are odd.

    A window's count is negative binomial around level x hour of the week x today's ratio (see
    `models.volume_season`, `models.volume_windows`). A pane without an entry is a zero for every row that has
    had one before. Each pane is compared first and learned later, and what was found odd is not learned (see
    `models.volume_panes`). Around 30 kB a row with windows of up to 6 hours.

    Nothing is found before a row has learned `ready_hours` of panes, settled `settle_hours` after they close.

    Parameters
    ----------
    pane_seconds
        Length of a pane, in seconds; divides an hour.
    windows_panes
        Lengths of the windows, in panes, ascending.
    business_timezone
        Zone of the wall clock that customers live by; daylight saving is followed.
    seasonal
        Whether to learn the hour-of-week profile. Without, only the level and the quick ratio are expected.
    alert_p
        Chance of so odd a window in normal traffic, below which it is a finding.
    learn_p
        The same, below which its panes are not learned as normal.
    surge_ratio, drop_ratio
        Observed over expected, from which an effect counts at all.
    min_excess
        Orders too many or too few, from which an effect counts at all.
    ready_hours
        Learned hours before anything is found: one day, so that each hour of the day has been seen.
    settle_hours
        Age at which a pane is learned by level and profile.
    adopt_hours
        Hours of odd panes after which a steady new level is taken for normal; twice as many, if unsteady.
    retire_days
        Days of silence after which a row sleeps, until its next order starts its level anew.

    >>> import numpy as np
    >>> volume = SeasonalVolume()
    >>> panes = np.arange(3 * 1440)  # 3 days, an order every 6 seconds
    >>> steady = volume.close(panes[-1], np.zeros_like(panes), panes, np.full(len(panes), 10))
    >>> none = np.zeros(0, np.int64)
    >>> gap = volume.close(int(panes[-1]) + 5, none, none, none)
    >>> len(steady), gap.direction.tolist()[0], gap.observed.tolist()[0]
    (0, 0, 0)
    """

    def __init__(
        self,
        *,
        pane_seconds: int = 60,
        windows_panes: tuple[int, ...] = (1, 10, 60, 360),
        business_timezone: str = "UTC",
        seasonal: bool = True,
        alert_p: float = 1e-7,
        learn_p: float = 1e-3,
        surge_ratio: float = 1.5,
        drop_ratio: float = 0.5,
        min_excess: float = 10.0,
        ready_hours: float = 24.0,
        settle_hours: float = 1.0,
        adopt_hours: float = 48.0,
        retire_days: float = 14.0,
    ) -> None:
        """Start with no row, before any pane."""
        if _HOUR_SECONDS % pane_seconds:
            raise ValueError(f"time.pane_seconds is {pane_seconds}: it must divide an hour, 3600")
        if not windows_panes or windows_panes[0] < 1 or list(windows_panes) != sorted(set(windows_panes)):
            raise ValueError(f"windows_panes is {windows_panes}: lengths must be positive and ascend")
        hour = _HOUR_SECONDS / pane_seconds
        self._tuning = Tuning(
            hour_panes=hour,
            level_keep=_keep(5 * 24 * hour),
            hour_of_day_keep=_keep(8 * 7 * hour),  # 8 weeks of the hour's own panes; and so the next two
            day_of_week_keep=_keep(8 * 24 * hour),
            hour_of_week_keep=_keep(8 * hour),
            ratio_keep=_keep(8 * hour),
            spread_keep=_keep(30 * 24 * hour),
            quick_keep=_keep(6 * hour),
            slow_keep=_keep(24 * hour),
            settle_panes=round(settle_hours * hour),
            ready_panes=round(ready_hours * hour),
            adopt_panes=round(adopt_hours * hour),
            calm_panes=round(12 * hour),
            retire_panes=round(retire_days * 24 * hour),
            alert_p=alert_p,
            learn_p=learn_p,
            surge_ratio=surge_ratio,
            drop_ratio=drop_ratio,
            min_excess=min_excess,
            seasonal=seasonal,
        )
        self._windows = np.array(windows_panes, np.int64)
        self._clock = BusinessClock(business_timezone, pane_seconds=pane_seconds)
        ring_panes = 1 << max(windows_panes[-1], self._tuning.settle_panes).bit_length()
        self._state: State = {
            "closed": np.full(1, -1, np.int64),  # the last pane closed
            "rows": np.zeros(_FIRST_ROWS, ROW),
            "rings": np.zeros((_FIRST_ROWS, ring_panes, RING_FIELDS)),
            "sums": np.zeros((_FIRST_ROWS, len(windows_panes), SUM_FIELDS)),
            "spreads": np.zeros((_FIRST_ROWS, len(windows_panes), SPREAD_FIELDS)),
        }

    def close(self, upto: int, rows: I64, panes: I64, counts: I64, fresh: Flags | None = None) -> Findings:
        """Compare and learn all panes up to and with `upto`.

        Entries may come in any order, several for a row and pane. A row begins anew with the first pane that
        has an entry flagged `fresh`: a new key has it. Raises ValueError for a pane that was closed before.
        """
        tally = Tally.of(rows, panes, counts, fresh)
        tally.check(self._closed, upto)
        if len(tally.rows):
            self._make_room(int(tally.rows.max()) + 1)
        found = [np.zeros((0, FINDING_FIELDS))]
        first = self._closed + 1
        while (first := self._next_busy(first, tally)) <= upto:
            last = min(upto, first + _CHUNK_PANES - 1)
            found.append(self._close_chunk(first, last, tally.between(first, last).by_row()))
            first = last + 1
        self._state["closed"][0] = max(upto, self._closed)
        return Findings.of(np.concatenate(found))
