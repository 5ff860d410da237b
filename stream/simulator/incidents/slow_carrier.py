"""One carrier takes several times as long for what is handed to it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from stream.simulator.incident import STRICT, Duration, Incident, Scene
from stream.simulator.market import CARRIERS
from stream.simulator.order import NEVER, Order

if TYPE_CHECKING:
    from stream.simulator.label import Label


def _is_carrier(name: str) -> str:
    if name not in (names := [carrier.name for carrier in CARRIERS]):
        raise ValueError(f"must be one of {', '.join(names)}")
    return name


@dataclass(frozen=True, kw_only=True, config=STRICT)
class SlowCarrier(Incident):
    """What `carrier` takes over meanwhile is delivered after `times` the usual time.

    It shows from when the first of these parcels should have arrived until the last one has.
    """

    kinds: ClassVar[tuple[str, ...]] = ("latency.slow_route", "logistics.delivery_overdue")
    also: ClassVar[tuple[str, ...]] = ("behaviour", "process", "missing")

    duration_seconds: Duration = 7_200.0
    carrier: Annotated[str, AfterValidator(_is_carrier)] = "YTO"
    times: Annotated[float, Field(gt=1, le=100)] = 3.0

    @property
    def entity(self) -> str:
        """Return the carrier."""
        return f"carrier/{self.carrier}"

    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Slow the carrier's parcels down, whenever they were ordered."""
        for order in orders:
            journey = order.journey
            if order.carrier == self.carrier and journey.delivered_ms != NEVER and scene.covers(journey.shipped_ms):
                scene.touch(order.order_id, journey.delivered_ms, "due")
                delay = round((journey.delivered_ms - journey.shipped_ms) * (self.times - 1.0))
                journey.delivered_ms += delay
                journey.refunded_ms += delay if journey.refunded_ms != NEVER else 0
                scene.touch(order.order_id, journey.delivered_ms)
        return orders

    def labels(self, scene: Scene) -> list[Label]:
        """Return one label, from the first delivery that is missed."""
        label = self.label(scene, scene.touched())
        due = scene.touched("due")
        return [replace(label, starts_at_ms=due[0][0])] if due else []
