"""An alert on its way out: the fields that delivery needs, and the whole CloudEvent as bytes."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import msgspec

from config.currency import exponent
from models.verdict import Signal, Verdict
from stream.cloud_event import (
    AlertData,
    CloudEvent,
    DetectorScore,
    Entity,
    Expected,
    Impact,
    Reason,
    Trace,
    Window,
)
from stream.incident import Incident, Notification, Transition
from stream.segments import explain

VERSION: Final = "1"
_NO_DECIMALS: Final = 100  # from here on nobody reads them
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Alert:
    """One transition of one condition. `data` is the whole CloudEvent as JSON, `time_ms` its event time.

    `transition` is firing, update or resolved; the contract's `status` calls an update firing, too.
    """

    id: str
    kind: str
    severity: str
    status: str
    fingerprint: str
    time_ms: int
    data: bytes
    transition: Transition = "firing"


@dataclass(frozen=True, slots=True)
class AlertWriter:
    """Writes notifications as alerts.

    Parameters
    ----------
    instance
        Name of this installation, part of the alert's `source`.
    topic
        The topic that the orders came from, for the trace.
    titles
        First line of each part's description, by part name: the words a person reads.
    """

    instance: str
    topic: str
    titles: Mapping[str, str]

    def write(self, told: Notification, usual: Mapping[str, Counter[str]]) -> Alert:
        """The alert of a notification; `usual` says how orders split otherwise."""
        incident, head = told.incident, told.incident.head
        status = "resolved" if told.transition == "resolved" else "firing"
        event = CloudEvent(
            specversion="1.0",
            id=told.id,
            source=f"/orderwatch/{self.instance}",
            type=f"io.orderwatch.alert.{status}.v1",  # type: ignore[arg-type]  # one of the two that status allows
            subject=f"{head.entity_type}/{head.entity}",
            time=instant(told.clock_ms),
            datacontenttype="application/json",
            data=self._data(told, status, usual),
        )
        return Alert(
            told.id,
            head.kind,
            incident.answer.severity,
            status,
            incident.fingerprint,
            told.clock_ms,
            _encode(event),
            told.transition,
        )

    def _data(self, told: Notification, status: str, usual: Mapping[str, Counter[str]]) -> AlertData:
        incident, head = told.incident, told.incident.head
        answer, signal = incident.answer, head.signals[0]
        segments = explain(incident.affected, incident.count, usual)
        start_ms, end_ms = head.window_ms or (incident.started_ms, incident.last_ms)
        impact = _impact(incident)
        where = ", ".join(f"{one.dimension} {one.value} {one.share:.0%}" for one in segments[:2])
        return AlertData(
            status=status,  # type: ignore[arg-type]  # one of the two
            kind=head.kind,
            severity=answer.severity,
            score=head.score,
            fingerprint=incident.fingerprint,
            startsAt=instant(incident.started_ms),
            endsAt=instant(incident.last_ms) if status == "resolved" else None,
            entity=Entity(head.entity_type, head.entity),
            order_ids=list(incident.order_ids),
            count=incident.count,
            observed=_number(signal.observed),
            expected=Expected(_number(signal.low), _number(signal.high)),
            window=Window(instant(min(start_ms, incident.started_ms)), instant(max(end_ms, incident.last_ms))),
            detectors=[DetectorScore(one.part, one.version or VERSION, one.score) for one in head.signals],
            reasons=[_reason(one) for one in head.signals],
            segments=segments,
            impact=impact,
            owner=answer.owner,
            respond_by=instant(incident.started_ms + answer.respond_within_minutes * 60_000),
            summary=self._summary(incident, signal, impact, where),
            recommended_action=answer.recommended_action,
            trace=_trace(self.topic, told.trigger or head),
            counterfactuals=list(head.normal_if) or _window_if(head),
            comparable_order_ids=list(head.comparable),
        )

    def _summary(self, incident: Incident, signal: Signal, impact: Impact | None, where: str) -> str:
        """One sentence: what, about which, how often, how much, where."""
        head = incident.head
        text = f"{self.titles.get(signal.part, head.kind).rstrip('.')}: {head.entity_type} {head.entity}"
        if _has_range(signal) and not signal.is_rule:
            text += f", {_shown(signal.observed)} where {_range(signal)} is usual"
        if incident.count > 1 and head.window_ms is None:
            text += f", {incident.count} times"
        if impact is not None:
            text += f", {impact.loss} {impact.currency} lost"
        return f"{text} ({where})." if where else f"{text}."


def instant(time_ms: int) -> str:
    """RFC 3339 in UTC with milliseconds.

    >>> instant(1767261787120)
    '2026-01-01T10:03:07.120Z'
    """
    moment = datetime.fromtimestamp(time_ms / 1000, UTC)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _number(value: float) -> float | None:
    # a count is an int until it has lain in a saved state: an alert must be the same bytes either way
    return None if math.isnan(value) or math.isinf(value) else float(value)


def _shown(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= _NO_DECIMALS else f"{value:.3g}"


def _has_range(signal: Signal) -> bool:
    """Whether a person can make something of what was observed: a detector of many features has a score alone."""
    return not (math.isnan(signal.observed) or (math.isnan(signal.low) and math.isnan(signal.high)))


def _range(signal: Signal) -> str:
    """The expected range in words.

    >>> _range(Signal("p", "k", 1, 1, 9, 0.05, math.nan, False))
    '>= 0.05'
    """
    low, high = _number(signal.low), _number(signal.high)
    if low is not None and high is not None:
        return f"{_shown(low)} to {_shown(high)}" if low < high else _shown(low)
    if low is not None:
        return f">= {_shown(low)}"
    return "nothing of the kind" if high is None else f"<= {_shown(high)}"


def _window_if(head: Verdict) -> list[str]:
    """What a window would have been normal with: the range that its verdict used, of counts."""
    signal = head.signals[0]
    if head.window_ms is None or _number(signal.low) is None or _number(signal.high) is None:
        return []
    minutes = (head.window_ms[1] - head.window_ms[0]) / 60_000
    return [f"normal if between {signal.low:.0f} and {signal.high:.0f} in these {minutes:.0f} minutes"]


def _reason(signal: Signal) -> Reason:
    observed, low, high = signal.observed, signal.low, signal.high
    direction = "high" if observed > high else "low" if observed < low else "none"
    return Reason(
        code=signal.kind,
        feature=signal.part,
        value=_number(observed),
        expected=_range(signal),
        contribution=signal.contribution,
        direction=direction,  # type: ignore[arg-type]  # one of the three
    )


def _impact(incident: Incident) -> Impact | None:
    if not incident.loss_e4 or not incident.head.currency:
        return None
    digits = exponent(incident.head.currency)
    cent = Decimal(1).scaleb(-(2 if digits is None else digits))
    minutes = max(1.0, (incident.last_ms - incident.started_ms) / 60_000)
    loss = Decimal(incident.loss_e4) / 10_000
    per_minute = loss / Decimal(minutes)
    return Impact(incident.head.currency, str(loss.quantize(cent)), str(per_minute.quantize(cent)))


def _trace(topic: str, trigger: Verdict) -> Trace:
    if trigger.partition < 0:
        return Trace(topic, None, None)
    return Trace(topic, trigger.partition, trigger.offset)
