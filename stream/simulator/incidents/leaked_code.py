"""A code that one customer was given stands in a forum, and everybody uses it."""

from __future__ import annotations

from typing import Any, ClassVar, Final

from pydantic.dataclasses import dataclass

from stream.simulator.incident import STRICT, Count, Incident, Scene
from stream.simulator.order import Discount, Order
from stream.simulator.promotions import TEN_PERCENT

_CODE: Final = "P3-FORUM"


def _with_the_code(event: dict[str, Any]) -> dict[str, Any]:
    if "discounts" not in event:
        return event
    return event | {"discounts": [discount | {"code": _CODE} for discount in event["discounts"]]}


@dataclass(frozen=True, kw_only=True, config=STRICT)
class LeakedCode(Incident):
    """`orders` extra orders of as many customers, with ten percent off for one and the same code."""

    kinds: ClassVar[tuple[str, ...]] = ("promotion.shared_code",)
    also: ClassVar[tuple[str, ...]] = ("behaviour", "volume", "price")

    orders: Count = 25

    @property
    def entity(self) -> str:
        """Return the promotion that the code is of."""
        return f"promotion/{TEN_PERCENT}"

    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Add this slot's orders with the code."""
        return orders + [self._leaked(time_ms, scene) for time_ms in scene.scheduled(self.orders)]

    def _leaked(self, time_ms: int, scene: Scene) -> Order:
        order = scene.orders_at([time_ms])[0]
        off = Discount(TEN_PERCENT, "percentage", order.goods_minor // 10)
        order.discounts, order.tax_minor, order.retell = [off], 0, _with_the_code
        scene.touch(order.order_id, time_ms)
        scene.loss_minor += off.amount_minor
        return order
