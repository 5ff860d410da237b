"""Two promotions that exclude each other are both applied, by app clients with a stale copy of the rules."""

from __future__ import annotations

from typing import ClassVar, Final

from pydantic.dataclasses import dataclass

from stream.simulator.catalogue import CAMPAIGN_PRODUCTS
from stream.simulator.incident import STRICT, Count, Duration, Incident, Scene
from stream.simulator.market import CLIENTS
from stream.simulator.order import Line, Order
from stream.simulator.promotions import CAMPAIGN

_STALE: Final = next(client for client in CLIENTS if client.stale and client.channel == "app")


@dataclass(frozen=True, kw_only=True, config=STRICT)
class PromotionStacking(Incident):
    """`orders` stacked orders of one campaign product each, all by the stale `app` client.

    Each gives away the smaller of the two discounts that it should not have had: 387 orders cost
    123,840 CNY. The web, the shops and the current app stay clean.
    """

    kinds: ClassVar[tuple[str, ...]] = ("promotion.exclusive_pair", "promotion.pair_surge")
    also: ClassVar[tuple[str, ...]] = ("price", "volume", "behaviour")

    duration_seconds: Duration = 7_200.0
    orders: Count = 387

    @property
    def entity(self) -> str:
        """Return the pair."""
        return "promotion_pair/" + "+".join(discount.promotion_id for discount in CAMPAIGN)

    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Add the stacked orders of this slot."""
        return orders + [self._stacked(time, scene) for time in scene.scheduled(self.orders)]

    def _stacked(self, time_ms: int, scene: Scene) -> Order:
        product = int(scene.rng.integers(CAMPAIGN_PRODUCTS))
        order = scene.orders_at([time_ms], product=product, client=_STALE)[0]
        order.lines = [Line(product, 1, int(scene.shop.catalogue.list_minor[product]))]
        order.discounts = list(CAMPAIGN)
        order.shipping_minor = order.tax_minor = 0
        scene.touch(order.order_id, time_ms)
        scene.loss_minor += min(discount.amount_minor for discount in CAMPAIGN)
        return order
