"""A source that makes up its product ids: none of them is ever seen again."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Final

from pydantic.dataclasses import dataclass

from stream.simulator.incident import STRICT, Count, Incident, Scene
from stream.simulator.incidents._spoilt import rewritten
from stream.simulator.order import no_journey

if TYPE_CHECKING:
    from stream.simulator.order import Order

_LINES: Final = 100


@dataclass(frozen=True, kw_only=True, config=STRICT)
class MadeUpProducts(Incident):
    """`orders` extra orders of a hundred products each that nobody else sells.

    It shows once they push out half of what a partition remembers: where `state.max_products` is that small.
    """

    kinds: ClassVar[tuple[str, ...]] = ("system.key_flood",)
    also: ClassVar[tuple[str, ...]] = ("behaviour", "volume", "price", "inventory")
    shows_in_replay: ClassVar[bool] = False

    orders: Count = 20

    @property
    def entity(self) -> str:
        """Return the space of keys that is flooded."""
        return "key_space/product"

    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Add this slot's orders."""
        return orders + [self._made_up(time_ms, scene) for time_ms in scene.scheduled(self.orders)]

    def _made_up(self, time_ms: int, scene: Scene) -> Order:
        order = scene.orders_at([time_ms])[0]
        names = [f"{order.order_id}-{n:03}" for n in range(_LINES)]
        lines = [{"sku": name, "product_id": f"made-up-{name}", "quantity": 1, "price": "1.00"} for name in names]
        order.journey = no_journey()
        rewritten(order, line_items=lines, discounts=[], total_shipping="0", total_tax="0", total_price=f"{_LINES}.00")
        scene.touch(order.order_id, time_ms)
        return order
