"""One channel loses most of its orders, and nothing says so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator
from pydantic.dataclasses import dataclass

from stream.simulator.incident import STRICT, Duration, Incident, Scene, Share
from stream.simulator.market import CHANNELS

if TYPE_CHECKING:
    from stream.simulator.order import Order


def is_channel(name: str) -> str:
    """Check the name of a channel."""
    if name not in CHANNELS:
        raise ValueError(f"must be one of {', '.join(CHANNELS)}")
    return name


@dataclass(frozen=True, kw_only=True, config=STRICT)
class SilentDrop(Incident):
    """Of the orders of `channel` only the share `remaining` still arrives."""

    kinds: ClassVar[tuple[str, ...]] = ("volume.drop",)
    also: ClassVar[tuple[str, ...]] = ("missing", "behaviour")

    duration_seconds: Duration = 3_600.0
    channel: Annotated[str, AfterValidator(is_channel)] = "web"
    remaining: Share = 0.1

    @property
    def entity(self) -> str:
        """Return the channel."""
        return f"channel/{self.channel}"

    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Lose orders of the channel."""
        return [order for order in orders if not self._is_lost(order, scene)]

    def _is_lost(self, order: Order, scene: Scene) -> bool:
        if order.client.channel != self.channel or not scene.covers(order.time_ms):
            return False
        return bool(scene.rng.random() >= self.remaining)
