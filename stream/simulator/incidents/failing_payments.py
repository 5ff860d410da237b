"""Payments fail, are tried again, and fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic.dataclasses import dataclass

from stream.simulator.incident import STRICT, Incident, Scene, Share
from stream.simulator.order import NEVER, no_journey

if TYPE_CHECKING:
    from stream.simulator.order import Order

_RETRIES, _RETRY_MS = 2, 60_000


def _failed(event: dict[str, Any]) -> dict[str, Any]:
    if event["event_type"] == "order.paid":
        return event | {"payments": [payment | {"status": "failed"} for payment in event["payments"]]}
    return event


@dataclass(frozen=True, kw_only=True, config=STRICT)
class FailingPayments(Incident):
    """Of the payments meanwhile the share `failing` fails, and again at each of two tries; those orders end there."""

    kinds: ClassVar[tuple[str, ...]] = ("payment.failures_surge",)
    also: ClassVar[tuple[str, ...]] = ("behaviour", "volume", "process", "missing", "latency")

    failing: Share = 0.5

    @property
    def entity(self) -> str:
        """Return everything: every method is concerned."""
        return "overall/all"

    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Let payments fail that are due meanwhile."""
        for order in orders:
            paid_ms = order.journey.paid_ms
            if paid_ms != NEVER and scene.covers(paid_ms) and scene.rng.random() < self.failing:
                order.retell, order.journey = _failed, no_journey()
                order.journey.paid_ms = paid_ms
                order.further = tuple(
                    ("order.paid", paid_ms + n * _RETRY_MS, f"-try{n}") for n in range(1, _RETRIES + 1)
                )
                scene.touch(order.order_id, paid_ms)
        return orders
