"""Volume baseline for very many keys: little state, no zero fill; finds surges."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np
from numba import njit

from features.keys import grown
from models.volume_findings import FINDING_FIELDS, Findings, State, Tally, restored
from models.volume_keys import (
    FITTED,
    POPULATION_FIELDS,
    SINCE,
    SparseTuning,
    begin,
    bucket_exposure,
    bucket_starts,
    fit_prior,
    judge,
    key_type,
    turn,
)
from models.volume_panes import report, with_room
from models.volume_pulse import Pulse
from models.volume_windows import BEST_FIELDS, DIRECTION, SPREAD_FIELDS, P, fit_spread
from models.warm_up import WarmUp

if TYPE_CHECKING:
    from models.volume_findings import F64, I64, Flags

_FIRST_ROWS: Final = 1024
_HOUR_SECONDS: Final = 3600


@njit(cache=True)
def _fit(population: F64, spread: F64, windows: I64, pulse: F64, pane: int, tune: Any) -> None:
    """Solve what the population teaches, once an hour."""
    hour = pane // tune.hour_panes
    if population[FITTED] != hour:
        population[FITTED] = hour
        fit_prior(population, bucket_exposure(windows, pulse, pane))
        fit_spread(spread, windows[:1], tune)


@njit(cache=True)
def _close_keys(
    keys: Any, windows: I64, pulse: F64, population: F64, spread: F64,
    rows: I64, panes: I64, counts: I64, fresh: Any, tune: Any,
) -> tuple[F64, int]:  # fmt: skip
    """Count the entries, which come sorted by pane and row, and judge each key that has one."""
    found, used, best = np.empty((16, FINDING_FIELDS)), 0, np.empty(BEST_FIELDS)
    starts, pane = np.empty(len(windows), np.int64), -1
    best[DIRECTION] = 1.0
    for i in range(len(rows)):
        key = keys[rows[i]]
        if panes[i] != pane:
            pane = panes[i]
            bucket_starts(windows, pane, starts)
            _fit(population, spread, windows, pulse, pane, tune)
        if fresh[i] or key.next == 0:
            begin(key, starts, pulse, population)
        else:
            turn(key, starts, windows, pulse, population, spread, tune)
        for k in range(len(windows)):
            key.buckets[k, 0] += counts[i]
        key.next = pane + 1
        if pane - population[SINCE] < tune.ready_panes:
            continue
        judge(key, pane, starts, windows, pulse, population, spread, tune, best)
        if best[P] < tune.alert_p:
            found = with_room(found, used)
            report(found[used], rows[i], pane, best)
            used += 1
    return found, used


class SparseVolume:
    """Expects its share of the population's orders of each key, and says which keys have far more.

    72 bytes a key with 4 windows, whatever the time since its last order. A window holds between half of its
    length and all of it (two buckets of half its length); `Findings.window_panes` says how much. See
    `models.volume_keys` for the model.

    A surge is learned only up to 4 standard deviations, unless it goes on into the next bucket of the longest
    window: a product that begins to sell steadily is normal after two to three of them, 6 to 9 hours with the
    defaults.

    The population is all that is counted here: its total is the clock that keys are measured by. Where few
    orders have a key at all, as with pairs of promotions, count the others under a key of their own.

    Parameters
    ----------
    pane_seconds
        Length of a pane, in seconds; divides an hour.
    windows_panes
        Lengths of the windows, in panes, ascending.
    business_timezone
        Zone of the wall clock that customers live by.
    alert_p
        Chance of so odd a window in normal traffic, given an order, below which it is a finding.
    surge_ratio
        Observed over expected, from which an effect counts at all.
    min_excess
        Orders too many, from which an effect counts at all.
    ready_hours
        Age of the population, since its first order or a fortnight of silence, before anything is found: by
        then its usual keys are known.
    half_life_days
        Memory of a key's share.
    """

    def __init__(
        self,
        *,
        pane_seconds: int = 60,
        windows_panes: tuple[int, ...] = (1, 10, 60, 360),
        business_timezone: str = "UTC",
        alert_p: float = 1e-7,
        surge_ratio: float = 2.0,
        min_excess: float = 5.0,
        ready_hours: float = 24.0,
        half_life_days: float = 14.0,
    ) -> None:
        """Start with no key, before any pane."""
        hour = _HOUR_SECONDS / pane_seconds
        self._pulse = Pulse(
            longest_panes=windows_panes[-1], pane_seconds=pane_seconds, business_timezone=business_timezone
        )
        self._windows = np.array(windows_panes, np.int64)
        self._tuning = SparseTuning(
            hour_panes=hour,
            half_life_panes=half_life_days * 24 * hour,
            spread_keep=0.9999,
            ready_panes=round(ready_hours * hour),
            alert_p=alert_p,
            surge_ratio=surge_ratio,
            min_excess=min_excess,
        )
        self._state: State = {
            "keys": np.zeros(_FIRST_ROWS, key_type(len(windows_panes))),
            "population": np.full(POPULATION_FIELDS, 0.0),
            "spread": np.zeros((1, SPREAD_FIELDS)),
        }
        self._state["population"][FITTED] = -1.0

    def close(self, upto: int, rows: I64, panes: I64, counts: I64, fresh: Flags | None = None) -> Findings:
        """Count all entries of the panes up to and with `upto`, and judge the keys that have any.

        Entries may come in any order, several for a row and pane. A row begins anew with the first pane that
        has an entry flagged `fresh`. Raises ValueError for a pane that was closed before.
        """
        return self.close_tally(upto, Tally.of(rows, panes, counts, fresh))

    def close_tally(self, upto: int, tally: Tally) -> Findings:
        """The same, of entries by pane in which each row stands once a pane."""
        tally.check(self._pulse.closed, upto)
        if len(tally.rows):
            self._state["keys"] = grown(self._state["keys"], int(tally.rows.max()) + 1)
        found = [np.zeros((0, FINDING_FIELDS))]
        first, last = self._pulse.next_chunk(upto, tally)
        while first <= upto:
            found.append(self._close_chunk(first, last, tally.between(first, last)))
            first, last = self._pulse.next_chunk(upto, tally)
        return Findings.of(np.concatenate(found))

    def _close_chunk(self, first: int, last: int, tally: Tally) -> F64:
        state = self._state
        if not self._pulse.is_awake:  # a population that begins, or begins anew
            state["population"][SINCE] = first
        self._pulse.close(first, last, tally)
        arrays = (state["keys"], self._windows, self._pulse.ring, state["population"], state["spread"])
        found, used = _close_keys(*arrays, tally.rows, tally.panes, tally.counts, tally.fresh, self._tuning)
        return found[:used]

    @property
    def warm_up(self) -> WarmUp:
        """Hours since the population's first order, of those that it takes before anything is found."""
        hour, since = self._tuning.hour_panes, int(self._state["population"][SINCE])
        panes = self._pulse.closed - since if self._pulse.is_awake else 0
        return WarmUp(int(panes / hour), round(self._tuning.ready_panes / hour), "hours")

    def get_state(self) -> State:
        """Everything learned, as arrays: copies."""
        return {**self._pulse.get_state(), **{name: array.copy() for name, array in self._state.items()}}

    def set_state(self, state: State) -> None:
        """Go on from what `get_state` gave, to the last bit. Raises ValueError where the settings differ."""
        self._pulse.set_state(state)
        self._state = restored(self._state, state)
