"""A product sells on although nothing is left of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from stream.simulator.catalogue import ranked, sku_of
from stream.simulator.incident import STRICT, Count, Incident, Rank, Scene
from stream.simulator.stock import Freeze

if TYPE_CHECKING:
    from stream.simulator.order import Order


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Oversell(Incident):
    """Of the product of popularity `rank` `left` pieces remain, no supply comes, and `orders` more are sold.

    It shows from the first sale of a piece that is not there.
    """

    kinds: ClassVar[tuple[str, ...]] = ("inventory.oversold",)
    also: ClassVar[tuple[str, ...]] = ("behaviour", "volume")

    rank: Rank = 6
    left: Annotated[int, Field(ge=0)] = 3
    orders: Count = 25

    @property
    def entity(self) -> str:
        """Return the stock keeping unit."""
        return f"sku/{sku_of(ranked(self.rank))}"

    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Stop the supply, and add this slot's extra buyers."""
        product = ranked(self.rank)
        if scene.slot.share_within(scene.begins_ms, scene.ends_ms) > 0:
            scene.stock.freeze(product, Freeze(scene.begins_ms, scene.ends_ms, self.left))
        orders = orders + scene.orders_at(scene.scheduled(self.orders), product=product)
        self._note(orders, product, scene)
        return orders

    def _note(self, orders: list[Order], product: int, scene: Scene) -> None:
        for order in sorted(orders, key=lambda order: order.time_ms):
            sold = sum(line.quantity for line in order.lines if line.product == product)
            if sold and scene.covers(order.time_ms):
                scene.sold += sold
                if scene.sold > self.left:
                    scene.touch(order.order_id, order.time_ms)
