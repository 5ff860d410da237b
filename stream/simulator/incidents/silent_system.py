"""The system that reports reviews is down: orders are shipped, and nobody says that they were approved."""

from __future__ import annotations

from typing import ClassVar

from pydantic.dataclasses import dataclass

from stream.simulator.incident import STRICT, Duration, Incident, Scene
from stream.simulator.order import NEVER, Order


@dataclass(frozen=True, kw_only=True, config=STRICT)
class SilentSystem(Incident):
    """No `order.approved` comes."""

    kinds: ClassVar[tuple[str, ...]] = ("system.source_silent",)
    also: ClassVar[tuple[str, ...]] = ("process", "latency", "behaviour", "logistics")

    duration_seconds: Duration = 3_600.0

    @property
    def entity(self) -> str:
        """Return the type of event."""
        return "event_type/order.approved"

    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Lose the approvals that fall into the incident."""
        for order in orders:
            if scene.covers(order.journey.approved_ms):
                scene.touch(order.order_id, order.journey.approved_ms)
                order.journey.approved_ms = NEVER
        return orders
