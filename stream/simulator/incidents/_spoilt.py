"""Extra orders with something wrong, several ways at a time: a label for each way."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, ClassVar

import msgspec
from pydantic.dataclasses import dataclass

from stream.simulator.incident import STRICT, Count, Incident, Scene
from stream.simulator.order import NEVER, Order

if TYPE_CHECKING:
    from stream.simulator.label import Label

Spoil = Callable[[Order, Scene], int]
"""Spoils an order; returns when that shows, `NEVER` if this order is not one that could be spoilt."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class SpoiltOrders(Incident):
    """`orders` extra orders of each way of `ways`, which maps the kind of alert that catches it to what is done."""

    ways: ClassVar[Mapping[str, Spoil]]

    orders: Count = 12

    @property
    def entity(self) -> str:
        """Return everything: the orders have nothing else in common."""
        return "overall/all"

    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Add this slot's spoilt orders."""
        return orders + [
            self._spoilt(kind, at, scene) for kind in self.ways for at in scene.scheduled(self.orders, kind)
        ]

    def _spoilt(self, kind: str, time_ms: int, scene: Scene) -> Order:
        order = scene.orders_at([time_ms])[0]
        shows_ms = self.ways[kind](order, scene)
        if shows_ms != NEVER:
            scene.touch(order.order_id, shows_ms, kind)
        return order

    def labels(self, scene: Scene) -> list[Label]:
        """Return one label a way."""
        found = [(kind, scene.touched(kind)) for kind in self.ways]
        return [self.label(scene, touched, kinds=(kind,)) for kind, touched in found if touched]


def rewritten(order: Order, **changes: Any) -> int:
    """Give `order.created` other fields (None: without it), whatever the order says; it shows at once."""
    before = order.garble

    def garble(value: bytes) -> bytes:
        event: dict[str, Any] = msgspec.json.decode(before(value) if before else value)
        event |= changes
        return msgspec.json.encode({name: field for name, field in event.items() if field is not None})

    order.garble = garble
    return order.time_ms
