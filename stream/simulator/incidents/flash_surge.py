"""Orders come several times as fast: everywhere, or for one product."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from stream.simulator.catalogue import product_id_of, ranked
from stream.simulator.incident import STRICT, Incident, Rank, Scene

if TYPE_CHECKING:
    from stream.simulator.order import Order


@dataclass(frozen=True, kw_only=True, config=STRICT)
class FlashSurge(Incident):
    """The whole shop sells `times` its usual; with `rank`, all that comes on top is for that product."""

    kinds: ClassVar[tuple[str, ...]] = ("volume.surge",)
    also: ClassVar[tuple[str, ...]] = ("behaviour", "promotion", "inventory")

    times: Annotated[float, Field(gt=1, le=1_000)] = 4.0
    rank: Rank | None = None

    @property
    def entity(self) -> str:
        """Return the product, or everything."""
        return "overall/all" if self.rank is None else f"product/{product_id_of(ranked(self.rank))}"

    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Add what comes on top in this slot."""
        product = None if self.rank is None else ranked(self.rank)
        extra = scene.orders_at(scene.arrivals(self.times - 1.0), product=product)
        for order in extra:
            scene.touch(order.order_id, order.time_ms)
        return orders + extra
