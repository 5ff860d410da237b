"""A product sells on while its stock is reported as 0, again and again."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic.dataclasses import dataclass

from stream.simulator.catalogue import ranked, sku_of
from stream.simulator.incident import STRICT, Count, Incident, Rank, Scene
from stream.simulator.stock import Freeze

if TYPE_CHECKING:
    from stream.simulator.order import Order


@dataclass(frozen=True, kw_only=True, config=STRICT)
class PhantomStock(Incident):
    """Nothing is left of the product of popularity `rank`, the stock system knows no level below 0, and `orders`
    more are sold. It shows from the first of them.
    """

    kinds: ClassVar[tuple[str, ...]] = ("inventory.sold_without_stock", "inventory.safety_stock")
    also: ClassVar[tuple[str, ...]] = ("behaviour", "volume")

    rank: Rank = 5
    orders: Count = 25

    @property
    def entity(self) -> str:
        """Return the stock keeping unit."""
        return f"sku/{sku_of(ranked(self.rank))}"

    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Empty the shelf, and add this slot's buyers."""
        product = ranked(self.rank)
        if scene.slot.share_within(scene.begins_ms, scene.ends_ms) > 0:
            scene.stock.freeze(product, Freeze(scene.begins_ms, scene.ends_ms, level=0, least=0))
        orders = orders + scene.orders_at(scene.scheduled(self.orders), product=product)
        for order in orders:
            if scene.covers(order.time_ms) and any(line.product == product for line in order.lines):
                scene.touch(order.order_id, order.time_ms)
        return orders
