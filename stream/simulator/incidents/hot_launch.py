"""A new product sells far more than new products do: a wrong price, a bot, or a hit that will be sold out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic.dataclasses import dataclass

from stream.simulator.catalogue import MAX_RANK, product_id_of, ranked, sku_of
from stream.simulator.incident import STRICT, Count, Incident, Scene

if TYPE_CHECKING:
    from stream.simulator.order import Order

_NEW: range = range(900_000, 900_000 + 12)
"""Numbers of products that are in no catalogue."""


def _selling(number: int, event: dict[str, Any]) -> dict[str, Any]:
    if event["event_type"] != "order.created":
        return event
    first, *rest = event["line_items"]
    return event | {"line_items": [first | {"sku": sku_of(number), "product_id": product_id_of(number)}, *rest]}


@dataclass(frozen=True, kw_only=True, config=STRICT)
class HotLaunch(Incident):
    """A dozen new products come out; eleven sell `each` pieces of the collection's stock, the last `orders`."""

    kinds: ClassVar[tuple[str, ...]] = ("inventory.new_product_surge", "volume.surge")
    also: ClassVar[tuple[str, ...]] = ("behaviour", "volume", "price")

    each: Count = 4
    orders: Count = 60

    @property
    def entity(self) -> str:
        """Return the product that sells too much."""
        return f"product/{product_id_of(_NEW[-1])}"

    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Add this slot's sales of new products."""
        product = ranked(MAX_RANK)
        for number in _NEW:
            count = self.orders if number == _NEW[-1] else self.each
            extra = scene.orders_at(scene.scheduled(count, str(number)), product=product)
            for order in extra:
                order.retell = lambda event, number=number: _selling(number, event)
                if number == _NEW[-1]:
                    scene.touch(order.order_id, order.time_ms)
            orders = orders + extra
        return orders
