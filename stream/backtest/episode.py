"""An alert from its firing to its end, out of the transitions that tell of it."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

import msgspec

from stream.alert import Alert


class Entity(msgspec.Struct):
    """What an alert is about."""

    type: str
    key: str


class _Impact(msgspec.Struct):
    currency: str
    loss: str


class _Data(msgspec.Struct):
    entity: Entity
    count: int
    owner: str
    summary: str
    impact: _Impact | None = None


class _Event(msgspec.Struct):
    data: _Data


_read: Final = msgspec.json.Decoder(_Event).decode


@dataclass(frozen=True, slots=True)
class Episode:
    """One alert: the condition it is about, when it fired, and how it stood in the end.

    `ended_ms` is when it was over, or how far history goes. `count` and `loss`, in `currency`, are those last told.
    `firing` is the CloudEvent with which it began.
    """

    fingerprint: str
    kind: str
    severity: str
    entity: str
    owner: str
    summary: str
    fired_ms: int
    ended_ms: int
    count: int
    loss: Decimal
    currency: str
    firing: bytes

    @property
    def family(self) -> str:
        """The part of its kind before the dot."""
        return self.kind.partition(".")[0]


class Episodes:
    """Puts transitions together, as they come."""

    def __init__(self) -> None:
        """None has come."""
        self._open: dict[str, tuple[Alert, Alert]] = {}
        self._over: list[Episode] = []

    def add(self, alert: Alert) -> None:
        """Take in the next transition."""
        first, _ = self._open.get(alert.fingerprint, (alert, alert))
        self._open[alert.fingerprint] = (first, alert)
        if alert.transition == "resolved":
            self._close(alert.fingerprint, alert.time_ms)

    def until(self, end_ms: int) -> list[Episode]:
        """All of them in order of firing; what still holds is cut at `end_ms`, where history ends."""
        for fingerprint in list(self._open):
            self._close(fingerprint, end_ms)
        return sorted(self._over, key=lambda episode: (episode.fired_ms, episode.fingerprint))

    def _close(self, fingerprint: str, end_ms: int) -> None:
        first, last = self._open.pop(fingerprint)
        self._over.append(_episode(first, last, max(end_ms, first.time_ms)))


def _episode(first: Alert, last: Alert, ended_ms: int) -> Episode:
    told = _read(last.data).data
    impact = told.impact
    return Episode(
        fingerprint=first.fingerprint,
        kind=first.kind,
        severity=first.severity,
        entity=f"{told.entity.type}/{told.entity.key}",
        owner=told.owner,
        summary=told.summary,
        fired_ms=first.time_ms,
        ended_ms=ended_ms,
        count=told.count,
        loss=Decimal(impact.loss if impact else 0),
        currency=impact.currency if impact else "",
        firing=first.data,
    )
