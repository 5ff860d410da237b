"""A drift as an alert: one condition a column, with its values before and after as a picture to be drawn."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np

from models.verdict import Signal, Verdict
from stream.alert import Alert, AlertWriter
from stream.cloud_event import CloudEvent, Picture
from stream.incidents import Incidents

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from config.policy import Policy
    from config.settings import Settings
    from features.drift import F64, ColumnDrift
    from stream.drift.watch import Moved

KIND: Final = "behaviour.distribution_drift"
_PART: Final = "distribution_drift"
_TITLE: Final = "Values that are not what they were; a model that was trained before may be wrong"
_BARS: Final = 20
_OUTSIDE: Final = 0.5
_ACROSS: Final = -1


class DriftAlerts:
    """Words drifts as alerts; a condition that lasts is one alert, and over when it has come back."""

    def __init__(self, settings: Settings, policy: Policy) -> None:
        """Nothing has been told."""
        lasting = settings.alerts.model_copy(update={"resolve_after_seconds": settings.drift.resolve_after_seconds})
        self._incidents = Incidents(lasting, policy.answer)
        self._writer = AlertWriter(settings.instance, settings.feature_log.topic, {_PART: _TITLE})
        self._alert_p = settings.drift.alert_p

    def told(self, moved: Sequence[Moved], now_ms: int) -> Iterator[Alert]:
        """The alerts of columns that have moved, and of drifts that are over at event time `now_ms`."""
        shown = {one.drift.column: one for one in moved}
        for notification in self._incidents.take(map(self._verdict, moved), now_ms):
            alert = self._writer.write(notification, {})
            column = notification.incident.head.entity
            yield with_picture(alert, picture_of(shown[column])) if column in shown else alert

    def _verdict(self, moved: Moved) -> Verdict:
        drift, score = moved.drift, 1.0 - min(self._alert_p, max(_least_p(moved.drift), 1e-16))
        score = min(score, 1.0 - 1e-15)
        signal = Signal(
            _PART, KIND, score, 1.0, _value(drift.median_after), _value(drift.median_before),
            _value(drift.median_before), is_rule=False, contribution=score,
        )  # fmt: skip
        return Verdict(KIND, score, moved.entity_type, drift.column, moved.end_ms, moved.end_ms, _ACROSS, -1, (signal,))


def picture_of(moved: Moved) -> Picture:
    """Both histograms over the same bars, drawn where 99 % of the values of both lie; shares of rows with a value."""
    drift = moved.drift
    there, here = (values[np.isfinite(values)] for values in (moved.before, moved.after))
    both = np.concatenate([there, here])
    low, high = np.percentile(both, [_OUTSIDE, 100.0 - _OUTSIDE]) if len(both) else (0.0, 1.0)
    edges = np.linspace(low, high if high > low else low + 1.0, _BARS + 1)
    return Picture(
        column=drift.column,
        edges=edges.tolist(),
        before=_shares(there, edges),
        after=_shares(here, edges),
        psi=_number(drift.psi),
        ks=_number(drift.ks),
        missing_before=drift.missing_before,
        missing_after=drift.missing_after,
        rows_before=drift.rows_before,
        rows_after=drift.rows_after,
    )


def with_picture(alert: Alert, picture: Picture) -> Alert:
    """The same alert with a picture in its data."""
    event = msgspec.json.decode(alert.data, type=CloudEvent)
    data = msgspec.structs.replace(event.data, picture=picture)
    encoded = msgspec.json.encode(msgspec.structs.replace(event, data=data))
    fields: dict[str, Any] = {name: getattr(alert, name) for name in Alert.__slots__} | {"data": encoded}
    return Alert(**fields)


def _shares(values: F64, edges: F64) -> list[float]:
    counts, _ = np.histogram(np.clip(values, edges[0], edges[-1]), edges)
    return (counts / max(len(values), 1)).tolist()  # type: ignore[no-any-return]  # a list of floats


def _least_p(drift: ColumnDrift) -> float:
    return min(p for p in (drift.psi_p, drift.ks_p, drift.missing_p, 1.0) if not math.isnan(p))


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _value(value: float) -> float:
    return value if math.isfinite(value) else math.nan
