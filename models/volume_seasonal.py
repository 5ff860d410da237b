"""Volume baseline for few keys: seasonal, with zero fill; finds surges, drops and silence."""

from __future__ import annotations

from typing import Final

import numpy as np

from features.keys import grown
from models.volume_clock import BusinessClock
from models.volume_findings import F64, FINDING_FIELDS, I64, Findings, Flags, State, Tally, restored
from models.volume_panes import close_panes, project
from models.volume_season import ROW, Tuning
from models.volume_windows import COUNT, EXPECTED, RING_FIELDS, SPREAD_FIELDS, SUM_FIELDS
from models.warm_up import WarmUp

_CHUNK_PANES: Final = 1 << 16  # bounds the memory that a long silence takes
_HOUR_SECONDS: Final = 3600
_FIRST_ROWS: Final = 1
_NEVER: Final = np.iinfo(np.int64).max


def _keep(half_life_panes: float) -> float:
    """Share of an exponentially weighted sum that is kept from pane to pane."""
    return float(0.5 ** (1.0 / half_life_panes))


def _memories(hour_panes: float) -> dict[str, float]:
    """What is kept from pane to pane of each thing that is learned."""
    return {
        "level_keep": _keep(5 * 24 * hour_panes),
        "hour_of_day_keep": _keep(8 * 7 * hour_panes),  # 8 weeks of the hour's own panes; and so the next two
        "day_of_week_keep": _keep(8 * 24 * hour_panes),
        "hour_of_week_keep": _keep(8 * hour_panes),
        "ratio_keep": _keep(8 * hour_panes),
        "spread_keep": _keep(30 * 24 * hour_panes),
        "quick_keep": _keep(6 * hour_panes),
        "slow_keep": _keep(24 * hour_panes),
    }


def _check_lengths(pane_seconds: int, windows_panes: tuple[int, ...]) -> None:
    if _HOUR_SECONDS % pane_seconds:
        raise ValueError(f"time.pane_seconds is {pane_seconds}: it must divide an hour, 3600")
    if not windows_panes or windows_panes[0] < 1 or list(windows_panes) != sorted(set(windows_panes)):
        raise ValueError(f"windows_panes is {windows_panes}: lengths must be positive and ascend")


def _no_row(ring_panes: int, windows: int) -> State:
    """What is known before the first pane."""
    return {
        "closed": np.full(1, -1, np.int64),  # the last pane closed
        "rows": np.zeros(_FIRST_ROWS, ROW),
        "rings": np.zeros((_FIRST_ROWS, ring_panes, RING_FIELDS)),
        "sums": np.zeros((_FIRST_ROWS, windows, SUM_FIELDS)),
        "spreads": np.zeros((_FIRST_ROWS, windows, SPREAD_FIELDS)),
    }


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
    remember_panes
        Panes to remember one by one, where the windows alone need fewer.

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
        remember_panes: int = 0,
    ) -> None:
        """Start with no row, before any pane."""
        _check_lengths(pane_seconds, windows_panes)
        hour = _HOUR_SECONDS / pane_seconds
        self._tuning = Tuning(
            hour_panes=hour,
            **_memories(hour),
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
        ring_panes = 1 << max(windows_panes[-1], self._tuning.settle_panes, remember_panes).bit_length()
        self._state = _no_row(ring_panes, len(windows_panes))

    def close(self, upto: int, rows: I64, panes: I64, counts: I64, fresh: Flags | None = None) -> Findings:
        """Compare and learn all panes up to and with `upto`.

        Entries may come in any order, several for a row and pane. A row begins anew with the first pane that
        has an entry flagged `fresh`: a new key has it. Raises ValueError for a pane that was closed before.
        """
        return self.close_tally(upto, Tally.of(rows, panes, counts, fresh))

    def close_tally(self, upto: int, tally: Tally) -> Findings:
        """The same, of entries by pane in which each row stands once a pane."""
        tally.check(self.closed, upto)
        if len(tally.rows):
            self._make_room(int(tally.rows.max()) + 1)
        found = [np.zeros((0, FINDING_FIELDS))]
        first = self.closed + 1
        while (first := self.next_busy(first, tally)) <= upto:
            last = min(upto, first + _CHUNK_PANES - 1)
            found.append(self._close_chunk(first, last, tally.between(first, last).by_row()))
            first = last + 1
        self._state["closed"][0] = max(upto, self.closed)
        return Findings.of(np.concatenate(found))

    def expected(self, row: int, pane: int, window_panes: int) -> tuple[float, float, float]:
        """Low, expected and high count of the window that ends with this pane, as seen now; NaN before ready.

        Today's ratio is taken as it is now: the further the window lies from the last closed pane, the less
        the answer is worth.
        """
        if row >= len(self._state["rows"]) or self._state["rows"]["live"][row] != 1:
            return np.nan, np.nan, np.nan
        copy, spread = self._state["rows"][row : row + 1].copy(), self._state["spreads"][row]
        hours, gone = self._clock.hours(pane - window_panes + 1, pane + 1)
        low, mean, high = project(copy, spread, self._windows, hours, gone, self._tuning)
        return low, mean, high

    @property
    def ring_panes(self) -> int:
        """How many of the last panes are remembered one by one."""
        return int(self._state["rings"].shape[1])

    @property
    def warm_up(self) -> WarmUp:
        """Hours that the key known longest has learned, of those that it takes before anything is found."""
        rows, hour = self._state["rows"], self._tuning.hour_panes
        learned = int(rows["learned"][rows["live"] == 1].max(initial=0))
        return WarmUp(int(learned / hour), round(self._tuning.ready_panes / hour), "hours")

    def is_awake(self, row: int) -> bool:
        """Whether the row has had an order within `retire_days`."""
        return bool(self._state["rows"]["live"][row] == 1)

    def awake_panes(self, row: int) -> int:
        """How many more silent panes it takes for the row to fall asleep."""
        silent = int(self._state["rows"]["run_panes"][row]) if self.is_awake(row) else 0
        return self._tuning.retire_panes - silent

    def recent(self, row: int, first: int, last: int) -> tuple[F64, F64]:
        """Orders and expectation of each pane from `first` to `last`, all among the last `ring_panes`."""
        cells = self._state["rings"][row, np.arange(first, last + 1) & (self.ring_panes - 1)]
        return cells[:, COUNT], cells[:, EXPECTED]

    def get_state(self) -> State:
        """Everything learned, as arrays: copies."""
        return {name: array.copy() for name, array in self._state.items()}

    def set_state(self, state: State) -> None:
        """Go on from what `get_state` gave, to the last bit. Raises ValueError where the settings differ."""
        self._state = restored(self._state, state)

    @property
    def closed(self) -> int:
        """The last pane closed; -1 before the first."""
        return int(self._state["closed"][0])

    def _make_room(self, rows: int) -> None:
        for name in ("rows", "rings", "sums", "spreads"):
            self._state[name] = grown(self._state[name], rows)

    def next_busy(self, pane: int, tally: Tally) -> int:
        """The first pane from `pane` on with something to do: while all rows sleep, an entry's."""
        if (self._state["rows"]["live"] == 1).any():
            return pane
        at = int(np.searchsorted(tally.panes, pane))
        return int(tally.panes[at]) if at < len(tally.panes) else _NEVER

    def _close_chunk(self, first: int, last: int, tally: Tally) -> F64:
        state = self._state
        hours, gone = self._clock.hours(first, last + 1)
        entries = (tally.rows, tally.panes, tally.counts, tally.fresh)
        arrays = (state["rows"], state["rings"], state["sums"], state["spreads"], self._windows)
        found, used = close_panes(*arrays, first, hours, gone, *entries, self._tuning)
        return found[:used]
