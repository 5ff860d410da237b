"""Endless orders of now for a long run."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any, Final

import msgspec

from tests.benchmarks import workload
from tests.benchmarks.workload import Message

_BASES: Final = 2_000
_CUSTOMERS: Final = 2_000_000  # none orders every few seconds, not even in the burst
_EVENT_ID: Final = "%08x-0000-4000-8000-%012x"


class Orders:
    """Endless orders of now, cheap to make: a few thousand real ones, each time with ids and a time of its own."""

    def __init__(self, spoilt_every: int) -> None:
        self._spoilt_every = spoilt_every
        bases = [msgspec.json.decode(each.value) for each in workload.created(_BASES)]
        self._tails = [_tail(base) for base in bases]
        self._made = 0
        self._run = int(time.time())

    def next(self) -> Message:
        """The next order."""
        n, now = self._made, datetime.now(UTC)
        self._made = n + 1
        order_id = b"S%X-%012d" % (self._run, n)
        head = (
            b'{"event_id":"%s","event_type":"order.created","occurred_at":"%s","order_id":"%s","customer_id":"c%d",'
            % (
                (_EVENT_ID % (self._run, n)).encode(),
                now.isoformat(timespec="milliseconds").replace("+00:00", "Z").encode(),
                order_id,
                n * 7919 % _CUSTOMERS,
            )
        )
        message = Message(int(now.timestamp() * 1000), order_id, head + self._tails[n % _BASES])
        return workload.spoilt(message, n // self._spoilt_every) if self.is_spoilt(n) else message

    def is_spoilt(self, number: int) -> bool:
        """Whether the order of this number has a wrong total."""
        return number % self._spoilt_every == self._spoilt_every - 1


def _tail(order: dict[str, Any]) -> bytes:
    own = ("event_id", "event_type", "occurred_at", "order_id", "customer_id", "promised_at")
    return msgspec.json.encode({name: value for name, value in order.items() if name not in own})[1:]
