"""Notices that a named series has moved to a new level, slowly or at once: river's ADWIN per series.

ADWIN keeps a window of past values and drops its older part as soon as some split into old and new has means
further apart than chance allows, at significance `delta`. It is meant for one value per closed pane (orders
a minute, median price, share of late payments), not for single events.

ADWIN's bound is in absolute units: values of 0.01 would never differ enough, and values of 10,000 by chance
as soon as they do at all. So each series is first brought to mean 0 and deviation 1 by its own first values.
What is reported is in the series' own unit, and split where the two means differ most: ADWIN itself drops
old values in lumps, and would blend the old level into the new one.

Caveats: daily rhythm is a change of level too, so feed residuals from the seasonal expectation; and values
that depend on their predecessors raise more alarms than `delta` says. A change of spread alone is not seen.

Source: Bifet and Gavaldà, Learning from Time-Changing Data with Adaptive Windowing, SDM 2007.
"""

from __future__ import annotations

from array import array
from collections import OrderedDict, deque
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from features.state import State
from models.detector import LARGEST

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Change:
    """The mean of `values_before` values of a series, and of the `values_after` at its new level."""

    series: str
    mean_before: float
    mean_after: float
    values_before: int
    values_after: int


@dataclass(slots=True)
class _Series:
    """A series since its last change; `scale` is 0 until the first values gave it."""

    adwin: Any  # river leaves it untyped
    latest: deque[float]
    fed: array[float]
    centre: float = 0.0
    scale: float = 0.0


class Drift:
    """Changes of level in any number of series, each fed one value at a time.

    Memory: 10 to 100 kB a series, for the `max_series` series fed last. River's ADWIN can't be written as
    arrays, so each series keeps what it was fed, and is fed it again after a restart; after `most_values` it starts
    afresh, as it does after a change.

    Parameters
    ----------
    delta
        Share of false alarms that ADWIN aims at, between 0 and 1.
    check_every_values
        Values between two looks for a change.
    scale_values
        First values of a series, from which its scale is taken.
    keep_values
        Latest values of a series in which the moment of the change is looked for.
    max_series
        Series alive; the one fed longest ago makes room.
    most_values
        Values after which a series starts afresh.

    >>> drift = Drift()
    >>> minutes = [100.0, 104.0, 96.0, 99.0, 101.0] * 20 + [150.0, 154.0, 146.0, 149.0, 151.0] * 4
    >>> changes = [change for change in (drift.update("orders", n) for n in minutes) if change]
    >>> [(round(c.mean_before), round(c.mean_after)) for c in changes]
    [(100, 150)]
    """

    def __init__(
        self,
        *,
        delta: float = 0.002,
        check_every_values: int = 1,
        scale_values: int = 30,
        keep_values: int = 256,
        max_series: int = 10_000,
        most_values: int = 10_000,
    ) -> None:
        """Start with no series."""
        if not 0.0 < delta < 1.0:
            raise ValueError(f"delta is {delta}: between 0 and 1, both excluded")
        for name, value, least in (
            ("check_every_values", check_every_values, 1),
            ("scale_values", scale_values, 2),
            ("keep_values", keep_values, scale_values),
            ("max_series", max_series, 1),
            ("most_values", most_values, keep_values),
        ):
            if value < least:
                raise ValueError(f"{name} is {value}: at least {least}")
        from river.drift import ADWIN  # it takes seconds, and few commands judge anything

        self._make = partial(ADWIN, delta=delta, clock=check_every_values)
        self._scale_values, self._keep_values, self._max_series = scale_values, keep_values, max_series
        self._most_values = most_values
        self._series: OrderedDict[str, _Series] = OrderedDict()

    def __len__(self) -> int:
        """Series alive."""
        return len(self._series)

    def update(self, series: str, value: float) -> Change | None:
        """Take in a series' next value; the change that it brought to light, if any. NaN is passed over."""
        if not abs(value) <= LARGEST:
            return None
        state = self._find(series)
        state.fed.append(value)
        state.latest.append(value)
        if not state.scale:
            self._warm_up(state)
            return None
        state.adwin.update((value - state.centre) / state.scale)
        if not state.adwin.drift_detected:
            if len(state.fed) >= self._most_values:
                del self._series[series]
            return None
        del self._series[series]  # a new level: it starts afresh
        return _split(series, np.array(state.latest))

    def get_state(self) -> State:
        """What each series was fed, the one fed longest ago first."""
        return {name: np.array(series.fed) for name, series in self._series.items()}

    def set_state(self, state: State) -> None:
        """Go on from these series."""
        self._series.clear()
        for name, values in state.items():
            for value in values.tolist():
                self.update(name, value)

    def _find(self, series: str) -> _Series:
        if series not in self._series:
            if len(self._series) == self._max_series:
                self._series.popitem(last=False)
            self._series[series] = _Series(self._make(), deque(maxlen=self._keep_values), array("d"))
        self._series.move_to_end(series)
        return self._series[series]

    def _warm_up(self, state: _Series) -> None:
        """With the last of the first values, fix the scale and hand them to ADWIN."""
        if len(state.latest) < self._scale_values:
            return
        state.centre = float(np.mean(state.latest))
        state.scale = float(np.std(state.latest)) or max(abs(state.centre), 1.0)
        for value in state.latest:
            state.adwin.update((value - state.centre) / state.scale)


def _split(series: str, values: NDArray[np.float64]) -> Change:
    """Cut the values in two where that explains most of their variance."""
    before = np.arange(1, len(values))
    after = len(values) - before
    sums = np.cumsum(values)
    mean_before = sums[:-1] / before
    mean_after = (sums[-1] - sums[:-1]) / after
    best = int(np.argmax(before * after * (mean_before - mean_after) ** 2))
    return Change(series, float(mean_before[best]), float(mean_after[best]), int(before[best]), int(after[best]))
