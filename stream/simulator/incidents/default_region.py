"""A form's default is changed, and orders go where the first entry of a list lies."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator
from pydantic.dataclasses import dataclass

from stream.simulator.incident import STRICT, Duration, Incident, Scene, Share
from stream.simulator.incidents.silent_drop import is_channel
from stream.simulator.market import REGIONS
from stream.simulator.order import Order


@dataclass(frozen=True, kw_only=True, config=STRICT)
class DefaultRegion(Incident):
    """The share `share` of the orders of `channel` names the last region of the list, which hardly anybody lives in."""

    kinds: ClassVar[tuple[str, ...]] = ("information.category_mix",)
    also: ClassVar[tuple[str, ...]] = ("behaviour", "latency", "logistics")

    duration_seconds: Duration = 7_200.0
    channel: Annotated[str, AfterValidator(is_channel)] = "app"
    share: Share = 0.5

    @property
    def entity(self) -> str:
        """Return the region."""
        return f"region/{REGIONS[-1].name}"

    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Send the orders that are hit elsewhere."""
        for order in orders:
            if order.client.channel == self.channel and scene.covers(order.time_ms) and scene.rng.random() < self.share:
                order.region = REGIONS[-1]
                scene.touch(order.order_id, order.time_ms)
        return orders
