"""One system's queue is stuck: what it reports of orders reaches the log, but minutes late."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Final, Literal

from pydantic import Field
from pydantic.dataclasses import dataclass

from stream.simulator.incident import STRICT, Incident, Scene

if TYPE_CHECKING:
    from stream.simulator.order import Order

_STAGES: Final = {"order.shipped": "shipped_ms", "order.delivered": "delivered_ms"}


@dataclass(frozen=True, kw_only=True, config=STRICT)
class LateSystem(Incident):
    """Events of `event_type` that happen meanwhile are told `minutes` later; all others in time."""

    kinds: ClassVar[tuple[str, ...]] = ("system.late_events", "latency.ingestion_lag")
    also: ClassVar[tuple[str, ...]] = ("behaviour", "volume", "latency", "process", "logistics", "payment")

    event_type: Literal["order.shipped", "order.delivered"] = "order.delivered"
    minutes: Annotated[float, Field(gt=0, le=600)] = 10.0

    @property
    def entity(self) -> str:
        """Return the type of event."""
        return f"event_type/{self.event_type}"

    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Hold up what the system would report."""
        late_ms = round(self.minutes * 60_000)
        for order in orders:
            time_ms = getattr(order.journey, _STAGES[self.event_type])
            if scene.covers(time_ms):
                order.stage_told_late = (self.event_type, late_ms)
                scene.touch(order.order_id, time_ms + late_ms)
        return orders
