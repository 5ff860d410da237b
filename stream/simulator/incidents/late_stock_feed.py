"""Stock levels reach the log long after they were counted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from stream.simulator.incident import STRICT, Incident, Scene

if TYPE_CHECKING:
    from stream.simulator.order import Order


@dataclass(frozen=True, kw_only=True, config=STRICT)
class LateStockFeed(Incident):
    """What the feed of stock levels says meanwhile arrives `minutes` late, with the time at which it was true."""

    kinds: ClassVar[tuple[str, ...]] = ("inventory.feed_late",)
    also: ClassVar[tuple[str, ...]] = ("behaviour", "system")

    minutes: Annotated[float, Field(gt=0, le=10_000)] = 20.0

    @property
    def entity(self) -> str:
        """Return the feed."""
        return "feed/inventory"

    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Slow the feed; orders stay as they are."""
        scene.stock.slow(scene.begins_ms, scene.ends_ms, round(self.minutes * 60_000))
        return orders
