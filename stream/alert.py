"""An alert on its way out: the fields that delivery needs, and the whole event as bytes."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Alert:
    """One transition of one condition. `data` is the whole CloudEvent as JSON, `time_ms` its event time."""

    id: str
    kind: str
    severity: str
    status: str
    fingerprint: str
    time_ms: int
    data: bytes
