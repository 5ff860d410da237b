"""One customer takes a promotion again and again, and uses of it surge beyond its plan."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from stream.simulator.incident import STRICT, Count, Incident, Scene
from stream.simulator.order import Discount, Order
from stream.simulator.promotions import TWENTY_OFF, TWENTY_OFF_MINOR
from stream.simulator.wire import pseudonym

if TYPE_CHECKING:
    from stream.simulator.label import Label


@dataclass(frozen=True, kw_only=True, config=STRICT)
class PromotionFarm(Incident):
    """`orders` orders of the customer of that number, each with twenty off: a label for the promotion, one for them."""

    kinds: ClassVar[tuple[str, ...]] = ("promotion.customer_burst", "promotion.surge", "behaviour.customer_burst")
    also: ClassVar[tuple[str, ...]] = ("volume", "price", "duplicate")

    orders: Count = 40
    customer: Annotated[int, Field(ge=0, lt=100)] = 7

    @property
    def entity(self) -> str:
        """Return the promotion."""
        return f"promotion/{TWENTY_OFF}"

    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Add the customer's orders of this slot."""
        return orders + [self._farmed(time_ms, scene) for time_ms in scene.scheduled(self.orders)]

    def _farmed(self, time_ms: int, scene: Scene) -> Order:
        order = scene.orders_at([time_ms])[0]
        order.customer = self.customer
        order.lines = [line._replace(quantity=1 + 20_000 // line.price_minor) for line in order.lines]
        order.discounts, order.tax_minor = [Discount(TWENTY_OFF, "threshold", TWENTY_OFF_MINOR)], 0
        scene.touch(order.order_id, time_ms)
        scene.loss_minor += TWENTY_OFF_MINOR
        return order

    def labels(self, scene: Scene) -> list[Label]:
        """Return one label for the promotion, one for the customer."""
        label = self.label(scene, scene.touched(), kinds=self.kinds[:2])
        return [label, replace(label, kinds=self.kinds[2:], entity=f"customer/{pseudonym(self.customer)}")]
