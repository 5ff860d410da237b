"""When orders come: hour-of-week shape, over-dispersed from hour to hour, Poisson within the hour.

A real marketplace's hourly counts have 2.25 times the variance of a Poisson stream, yet its minutes are
nearly Poisson (1.04): some hours are busy as a whole. So each hour's rate is the expected one times a gamma
factor of mean 1 and variance (dispersion - 1) / expected, which makes hourly counts negative binomial with
variance = dispersion x mean.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from stream.simulator.settings import SimulatorSettings

HOUR_MS: Final = 3_600_000
_DAYS: Final = (1.12, 1.11, 1.05, 1.00, 1.08, 0.79, 0.85)
_WORKDAY: Final = (
    0.60, 0.30, 0.15, 0.05, 0.05, 0.05, 0.10, 0.30, 0.75, 1.20, 1.50, 1.60,
    1.45, 1.65, 1.60, 1.55, 1.55, 1.45, 1.30, 1.35, 1.40, 1.55, 1.40, 1.10,
)  # fmt: skip
_SATURDAY: Final = (
    0.85, 0.40, 0.15, 0.15, 0.05, 0.05, 0.10, 0.25, 0.50, 0.95, 1.45, 1.70,
    1.55, 1.35, 1.50, 1.55, 1.60, 1.55, 1.35, 1.70, 1.65, 1.40, 1.20, 0.95,
)  # fmt: skip
_SUNDAY: Final = (
    0.55, 0.35, 0.15, 0.10, 0.05, 0.10, 0.10, 0.15, 0.45, 0.70, 1.00, 1.35,
    1.45, 1.40, 1.40, 1.50, 1.55, 1.65, 1.70, 1.80, 1.85, 1.65, 1.75, 1.25,
)  # fmt: skip
_ORDERS_A_SLOT: Final = 2_000
_EPOCH_WEEKDAY: Final = 3  # 1970-01-01 was a Thursday


def hour_of_week_shape() -> NDArray[np.float64]:
    """Orders in each of the 168 local hours, Monday 00:00 first, over their mean.

    >>> shape = hour_of_week_shape()
    >>> round(float(shape.mean()), 6), int(shape.argmax())  # the busiest: Monday, 13:00 to 14:00
    (1.0, 13)
    """
    hours = np.array([_WORKDAY] * 5 + [_SATURDAY, _SUNDAY]) * np.array(_DAYS)[:, None]
    flat: NDArray[np.float64] = hours.ravel() / hours.mean()
    return flat


class Slot(NamedTuple):
    """A stretch of the run within one hour, and how many orders it is expected to bring."""

    number: int
    starts_ms: int
    ends_ms: int
    expected: float
    busyness: float

    def share_within(self, starts_ms: int, ends_ms: int) -> float:
        """Part of this slot that lies in [starts_ms, ends_ms).

        >>> Slot(0, 1000, 2000, 5.0, 1.0).share_within(1500, 9000)
        0.5
        """
        common = min(self.ends_ms, ends_ms) - max(self.starts_ms, starts_ms)
        return max(0, common) / (self.ends_ms - self.starts_ms)


class Rhythm:
    """Cuts a run into slots and draws the order times of each."""

    def __init__(self, settings: SimulatorSettings, rng: np.random.Generator) -> None:
        """Prepare the shape of `settings`; `rng` is this object's alone."""
        self._settings = settings
        self._rng = rng
        self._shape = 1.0 + settings.season_strength * (hour_of_week_shape() - 1.0)
        busiest = settings.orders_per_second * 3_600.0 * float(self._shape.max())
        self.slot_ms = HOUR_MS // min(3_600, max(1, round(busiest / _ORDERS_A_SLOT)))
        self._origin_ms = settings.start_ms // HOUR_MS * HOUR_MS

    def slot_of(self, time_ms: int) -> int:
        """Slot in which `time_ms` lies."""
        return (time_ms - self._origin_ms) // self.slot_ms

    def slots(self) -> Iterator[Slot]:
        """Slots of the run in order; each hour is drawn busier or calmer as a whole."""
        hour, busyness = -1, 1.0
        number = self.slot_of(self._settings.start_ms)
        while (starts_ms := self._origin_ms + number * self.slot_ms) < self._settings.end_ms:
            if starts_ms // HOUR_MS != hour:
                hour = starts_ms // HOUR_MS
                busyness = self._busyness(hour)
            starts = max(starts_ms, self._settings.start_ms)
            ends = min(starts_ms + self.slot_ms, self._settings.end_ms)
            expected = self._hourly(hour) * (ends - starts) / HOUR_MS
            yield Slot(number, starts, ends, expected, busyness)
            number += 1

    def times(self, slot: Slot) -> NDArray[np.int64]:
        """Order times of `slot` in milliseconds, sorted."""
        count = self._rng.poisson(slot.expected * slot.busyness)
        return np.sort(self._rng.integers(slot.starts_ms, slot.ends_ms, count))

    def _hourly(self, hour: int) -> float:
        local = hour + self._settings.utc_offset_hours + 24 * _EPOCH_WEEKDAY
        return float(self._shape[int(local) % 168]) * self._settings.orders_per_second * 3_600.0

    def _busyness(self, hour: int) -> float:
        expected, excess = self._hourly(hour), self._settings.dispersion - 1.0
        return float(self._rng.gamma(expected / excess, excess / expected)) if excess > 0 else 1.0
