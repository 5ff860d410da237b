"""One channel's queue is stuck: its orders reach the log, but minutes late."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from stream.simulator.incident import STRICT, Incident, Scene
from stream.simulator.incidents.silent_drop import is_channel
from stream.simulator.order import Order


@dataclass(frozen=True, kw_only=True, config=STRICT)
class LateChannel(Incident):
    """Orders of `channel` are told `minutes` after they were placed; what follows them is told in time."""

    kinds: ClassVar[tuple[str, ...]] = ("system.late_events",)
    also: ClassVar[tuple[str, ...]] = ("behaviour", "volume", "latency", "process", "payment")

    channel: Annotated[str, AfterValidator(is_channel)] = "tmall"
    minutes: Annotated[float, Field(gt=0, le=600)] = 10.0

    @property
    def entity(self) -> str:
        """Return the channel."""
        return f"channel/{self.channel}"

    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Hold the channel's orders up."""
        for order in orders:
            if order.client.channel == self.channel and scene.covers(order.time_ms):
                order.told_late_ms = round(self.minutes * 60_000)
                scene.touch(order.order_id, order.time_ms + order.told_late_ms)
        return orders
