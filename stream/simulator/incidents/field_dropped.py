"""A release of one channel's client no longer sends a field."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator
from pydantic.dataclasses import dataclass

from stream.simulator.incident import STRICT, Duration, Incident, Scene, Share
from stream.simulator.incidents._spoilt import rewritten
from stream.simulator.incidents.silent_drop import is_channel
from stream.simulator.order import Order


@dataclass(frozen=True, kw_only=True, config=STRICT)
class FieldDropped(Incident):
    """The share `share` of the orders of `channel` comes without `field`."""

    kinds: ClassVar[tuple[str, ...]] = ("information.null_rate",)
    also: ClassVar[tuple[str, ...]] = ("behaviour", "information")

    duration_seconds: Duration = 7_200.0
    channel: Annotated[str, AfterValidator(is_channel)] = "web"
    field: Literal["client_version", "shipping_address", "promised_at"] = "shipping_address"
    share: Share = 0.8

    @property
    def entity(self) -> str:
        """Return the channel and the field."""
        return f"field/{self.channel}/{self.field}"

    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Leave the field out."""
        for order in orders:
            if order.client.channel == self.channel and scene.covers(order.time_ms) and scene.rng.random() < self.share:
                scene.touch(order.order_id, rewritten(order, **{self.field: None}))
        return orders
