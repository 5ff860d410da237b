"""A product is sold too cheap, by less than a wrong digit: every order earns a little less."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from stream.simulator.catalogue import product_id_of, ranked
from stream.simulator.incident import STRICT, Count, Duration, Incident, Rank, Scene
from stream.simulator.order import Order


@dataclass(frozen=True, kw_only=True, config=STRICT)
class MarginSqueeze(Incident):
    """The product of popularity `rank` sells at `factor` times its price, above its cost; `orders` more buy it.

    Without `rank` every product does: it is the hour that earns too little.
    """

    kinds: ClassVar[tuple[str, ...]] = ("price.margin_falling", "price.channel_margin_falling")
    also: ClassVar[tuple[str, ...]] = ("behaviour", "volume", "price")

    duration_seconds: Duration = 7_200.0
    rank: Rank | None = 2
    factor: Annotated[float, Field(gt=0, lt=1)] = 0.62
    orders: Count = 60

    @property
    def entity(self) -> str:
        """Return the product, or everything."""
        return "overall/all" if self.rank is None else f"product/{product_id_of(ranked(self.rank))}"

    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Add this slot's extra buyers, then lower the price."""
        product = None if self.rank is None else ranked(self.rank)
        extra = [] if product is None else scene.orders_at(scene.scheduled(self.orders), product=product)
        for order in (orders := orders + extra):
            if scene.covers(order.time_ms) and (
                product is None or any(line.product == product for line in order.lines)
            ):
                self._lower(order, product, scene)
        return orders

    def _lower(self, order: Order, product: int | None, scene: Scene) -> None:
        before = order.goods_minor
        order.lines = [
            line._replace(price_minor=round(line.price_minor * self.factor))
            if product in (None, line.product)
            else line
            for line in order.lines
        ]
        order.discounts = []
        scene.loss_minor += before - order.goods_minor
        scene.touch(order.order_id, order.time_ms)
