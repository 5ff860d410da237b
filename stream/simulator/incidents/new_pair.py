"""Two promotions that nobody registered as exclusive, and that never met, are combined."""

from __future__ import annotations

from typing import ClassVar

from pydantic.dataclasses import dataclass

from stream.simulator.incident import STRICT, Count, Duration, Incident, Scene
from stream.simulator.order import Discount, Order
from stream.simulator.promotions import CAMPAIGN, TEN_PERCENT


@dataclass(frozen=True, kw_only=True, config=STRICT)
class NewPair(Incident):
    """`orders` orders take ten percent on top of the campaign's promotion."""

    kinds: ClassVar[tuple[str, ...]] = ("promotion.new_pair", "promotion.pair_surge")
    also: ClassVar[tuple[str, ...]] = ("behaviour", "volume", "price")

    duration_seconds: Duration = 3_600.0
    orders: Count = 40

    @property
    def entity(self) -> str:
        """Return the pair."""
        return f"promotion_pair/{CAMPAIGN[0].promotion_id}+{TEN_PERCENT}"

    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Add the orders of this slot."""
        return orders + [self._combined(time_ms, scene) for time_ms in scene.scheduled(self.orders)]

    def _combined(self, time_ms: int, scene: Scene) -> Order:
        order = scene.orders_at([time_ms], product=int(scene.rng.integers(8)))[0]
        tenth = Discount(TEN_PERCENT, "percentage", order.goods_minor // 10)
        order.discounts, order.tax_minor = [CAMPAIGN[0]._replace(amount_minor=order.goods_minor // 5), tenth], 0
        scene.touch(order.order_id, time_ms)
        scene.loss_minor += tenth.amount_minor
        return order
