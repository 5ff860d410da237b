"""One product's price is entered wrong for a while: ten times too high, a tenth, a hundredth."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from stream.simulator.catalogue import product_id_of, ranked
from stream.simulator.incident import STRICT, Count, Incident, Rank, Scene

if TYPE_CHECKING:
    from stream.simulator.order import Line, Order


@dataclass(frozen=True, kw_only=True, config=STRICT)
class PriceTypo(Incident):
    """The product of popularity `rank` sells at `factor` times its price.

    `orders` customers more than usual buy it meanwhile. 10 and 0.1 are a digit too many or too few, 0.01 a
    decimal point that moved.
    """

    kinds: ClassVar[tuple[str, ...]] = ("price.outlier", "price.decimal_shift", "price.below_cost")
    also: ClassVar[tuple[str, ...]] = ("behaviour", "volume")

    rank: Rank = 3
    factor: Annotated[float, Field(gt=0, le=1_000)] = 0.1
    orders: Count = 12

    @property
    def entity(self) -> str:
        """Return the product."""
        return f"product/{product_id_of(ranked(self.rank))}"

    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Add this slot's bargain hunters, then price the product wrong."""
        product = ranked(self.rank)
        extra = scene.orders_at(scene.scheduled(self.orders), product=product)
        for order in (orders := orders + extra):
            if scene.covers(order.time_ms) and any(line.product == product for line in order.lines):
                self._misprice(order, product, scene)
        return orders

    def _misprice(self, order: Order, product: int, scene: Scene) -> None:
        before = order.goods_minor
        order.lines = [self._wrong(line) if line.product == product else line for line in order.lines]
        order.discounts = []  # those of the right price may be more than the order is now worth
        scene.loss_minor += max(0, before - order.goods_minor)
        scene.touch(order.order_id, order.time_ms)

    def _wrong(self, line: Line) -> Line:
        return line._replace(price_minor=max(1, round(line.price_minor * self.factor)))
