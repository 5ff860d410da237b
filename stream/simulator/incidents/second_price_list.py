"""One channel sells by another price list: members' prices for everybody, or a currency mistaken for another."""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from stream.simulator.incident import STRICT, Duration, Incident, Scene, Share
from stream.simulator.incidents.silent_drop import is_channel
from stream.simulator.order import Order


@dataclass(frozen=True, kw_only=True, config=STRICT)
class SecondPriceList(Incident):
    """The share `share` of the orders of `channel` is charged `factor` times every product's price."""

    kinds: ClassVar[tuple[str, ...]] = ("price.second_list", "behaviour.feature_drift")
    also: ClassVar[tuple[str, ...]] = ("behaviour", "price")

    duration_seconds: Duration = 7_200.0
    channel: Annotated[str, AfterValidator(is_channel)] = "web"
    factor: Annotated[float, Field(gt=0, le=1_000)] = 0.3
    share: Share = 1.0

    @property
    def entity(self) -> str:
        """Return the channel."""
        return f"channel/{self.channel}"

    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Reprice every line of the orders that are hit."""
        for order in orders:
            if order.client.channel == self.channel and scene.covers(order.time_ms) and scene.rng.random() < self.share:
                self._reprice(order, scene)
        return orders

    def _reprice(self, order: Order, scene: Scene) -> None:
        before = order.goods_minor
        order.lines = [line._replace(price_minor=max(1, round(line.price_minor * self.factor))) for line in order.lines]
        order.discounts = []  # those of the right price may be more than the order is now worth
        scene.loss_minor += max(0, before - order.goods_minor)
        scene.touch(order.order_id, order.time_ms)
