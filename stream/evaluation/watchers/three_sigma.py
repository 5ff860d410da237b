"""Static thresholds: what lies three standard deviations from the mean of the days before the report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, Final, Self

import numpy as np
from numpy.typing import NDArray

from stream.evaluation.order_table import OrderTable, order_table
from stream.evaluation.tell import teller_of
from stream.evaluation.trial import DAY_MS, Trial
from stream.evaluation.watcher import ANY_FAMILY, Watcher

I64 = NDArray[np.int64]

SIGMAS: Final = 3.0
_HOUR_MS: Final = 3_600_000


class ThreeSigma(Watcher):
    """Each feature of an order, each latency, and orders an hour (over all, by channel, by hour of the day).

    Mean and deviation are those of the training days and stay. An hour is judged when it is over.
    """

    title: ClassVar[str] = "3-sigma thresholds"

    @classmethod
    def at(cls, threshold: float | None) -> Self:  # noqa: ARG003  # three is three
        """Make it; there is one."""
        return cls()

    def watch(self, trial: Trial) -> Sequence[dict[str, Any]]:
        """Tell of each order, stage and hour beyond its thresholds."""
        table, teller = order_table(trial), teller_of(trial)
        told = [*_orders(table, trial), *_stages(table, trial), *_hours(table, trial)]
        for time_ms, kind, entity_type, key, order_ids, since_ms in sorted(told, key=lambda one: one[0]):
            teller.tell(kind, entity_type, key, time_ms, order_ids, since_ms)
        return teller.alerts


_Told = tuple[int, str, str, str, Sequence[str], int | None]


def _orders(table: OrderTable, trial: Trial) -> list[_Told]:
    trains = table.time_ms < trial.reports_from_ms
    told: list[_Told] = []
    for j, name in enumerate(table.names):
        odd = np.flatnonzero(_is_odd(table.x[:, j], trains) & ~trains)
        told += [_of_order(table.order_id[i], int(table.time_ms[i]), name) for i in odd.tolist()]
    return told


def _stages(table: OrderTable, trial: Trial) -> list[_Told]:
    trains = table.stage_time_ms < trial.reports_from_ms
    odd = np.flatnonzero(_is_odd(table.stage_latency, trains) & ~trains)
    return [_of_order(table.stage_order[i], int(table.stage_time_ms[i]), "latency") for i in odd.tolist()]


def _of_order(order: str, time_ms: int, name: str) -> _Told:
    return time_ms, f"{ANY_FAMILY}.{name}", "order", order, (order,), None


def _is_odd(values: NDArray[np.float64], trains: NDArray[np.bool_]) -> NDArray[np.bool_]:
    known = values[trains]
    if not len(known):
        return np.zeros(len(values), np.bool_)
    odd: NDArray[np.bool_] = np.abs(values - known.mean()) > SIGMAS * known.std()
    return odd


def _hours(table: OrderTable, trial: Trial) -> list[_Told]:
    told = _counted(table.time_ms, trial, "overall", "all")
    channels = np.array(table.channel)
    for channel in np.unique(channels).tolist():
        told += _counted(table.time_ms[channels == channel], trial, "channel", channel)
    return told


def _counted(times: I64, trial: Trial, entity_type: str, key: str) -> list[_Told]:
    """Hours with too many or too few orders, against the same hour of the training days."""
    first, hours = trial.begins_ms, (trial.ends_ms - trial.begins_ms) // _HOUR_MS
    count = np.bincount(np.clip((times - first) // _HOUR_MS, 0, hours), minlength=hours + 1)[:hours].astype(float)
    of_day = np.arange(hours) % (DAY_MS // _HOUR_MS)
    trains = np.arange(hours) < (trial.reports_from_ms - first) // _HOUR_MS
    usual = np.array([count[trains & (of_day == hour)].mean() for hour in range(24)])[of_day]
    spread = (count - usual)[trains].std()
    told: list[_Told] = []
    for hour in np.flatnonzero((np.abs(count - usual) > SIGMAS * spread) & ~trains).tolist():
        kind = "volume.surge" if count[hour] > usual[hour] else "volume.drop"
        begins_ms = first + hour * _HOUR_MS
        told.append((begins_ms + _HOUR_MS, kind, entity_type, key, (), begins_ms))
    return told
