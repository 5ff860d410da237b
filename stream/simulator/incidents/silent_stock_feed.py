"""No stock level is reported any more; the shop sells on what it last knew."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic.dataclasses import dataclass

from stream.simulator.incident import STRICT, Duration, Incident, Scene

if TYPE_CHECKING:
    from stream.simulator.order import Order


@dataclass(frozen=True, kw_only=True, config=STRICT)
class SilentStockFeed(Incident):
    """The feed of stock levels is silent; nothing else changes."""

    kinds: ClassVar[tuple[str, ...]] = ("inventory.feed_silent", "inventory.sold_without_stock")
    also: ClassVar[tuple[str, ...]] = ("behaviour",)

    duration_seconds: Duration = 7_200.0

    @property
    def entity(self) -> str:
        """Return the feed."""
        return "feed/inventory"

    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Silence the feed; orders stay as they are."""
        scene.stock.mute(scene.begins_ms, scene.ends_ms)
        return orders
