"""A judge that makes what happens to each record visible: an alert an event, whose id is where it came from."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from stream.alert import Alert
from stream.dead_letter import DeadLetter

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.record import Record


@dataclass
class Judged:
    """An outcome, empty unless told otherwise."""

    alerts: list[Alert] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    events: int = 0
    duplicates: int = 0
    late: int = 0
    held: dict[int, int] = field(default_factory=dict)
    scored: tuple[()] = ()


class EveryOrder:
    """Raises one alert an event, refuses what is no JSON, and says goodbye at the end."""

    clock_ms = 1_767_261_787_120

    def __init__(self, *, pause_seconds: float = 0.0, fails_at: int | None = None) -> None:
        self.offsets: Counter[tuple[int, int]] = Counter()
        self.batches = 0
        self.advanced_to: list[int] = []
        self._pause_seconds = pause_seconds
        self._fails_at = fails_at

    def process(self, partition: int, records: Sequence[Record], *, wait: bool, more: bool) -> Judged:
        judged = Judged()
        self.batches += 1
        for record in records:
            if record.offset == self._fails_at:
                raise ZeroDivisionError("a fault of the judge")
            self.offsets[partition, record.offset] += 1
            value, key = record.value or b"", record.key or b""
            if value.startswith(b"{"):
                judged.events += 1
                judged.alerts.append(alert(f"{partition}-{record.offset}", key.decode(), value))
            else:
                origin = (record.value, record.key, partition, record.offset, record.timestamp)
                judged.dead_letters.append(DeadLetter(*origin, "NotJson", "expected {"))
        time.sleep(self._pause_seconds)
        return judged

    def advance(self, now_ms: int) -> Judged:
        self.advanced_to.append(now_ms)
        return Judged(alerts=[alert(f"silence-{now_ms}", "silence", b"{}")])

    def finish(self) -> Judged:
        return Judged(alerts=[alert("goodbye", "goodbye", b"{}")])


def alert(name: str, fingerprint: str, data: bytes) -> Alert:
    """An alert of which only these three matter."""
    return Alert(name, "price.low", "high", "firing", fingerprint, 0, data)


def orders(count: int, start: int = 0) -> list[bytes]:
    """Distinct events, numbered from `start`."""
    return [b'{"order_id": "%d"}' % number for number in range(start, start + count)]
