"""Customers' orders are submitted twice within seconds, and some payments are reported twice."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from stream.simulator.incident import STRICT, Incident, Scene
from stream.simulator.order import NEVER, Order

if TYPE_CHECKING:
    from stream.simulator.label import Label

_CLICK_MS, _SLOWEST_CLICK_MS = 1_000, 9_000
_AGAIN_MS = 20_000


@dataclass(frozen=True, kw_only=True, config=STRICT)
class DuplicateSubmission(Incident):
    """Of the next orders, `orders` come again: same customer, same basket, a new order number.

    `payments` more orders are paid once and reported as paid twice, with another payment number.
    """

    kinds: ClassVar[tuple[str, ...]] = ("duplicate.order", "payment.double")
    also: ClassVar[tuple[str, ...]] = ("behaviour", "volume")

    orders: Annotated[int, Field(ge=0, le=1_000_000)] = 20
    payments: Annotated[int, Field(ge=0, le=1_000_000)] = 10

    @property
    def entity(self) -> str:
        """Return everything: the customers are many."""
        return "overall/all"

    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Submit some of this slot's orders again."""
        again = [self._again(order, scene) for order in _those_from(orders, scene.scheduled(self.orders, "orders"))]
        for order in _those_from(orders, scene.scheduled(self.payments, "payments")):
            if order.journey.paid_ms != NEVER:
                order.paid_twice_ms = order.journey.paid_ms + _AGAIN_MS
                scene.touch(order.order_id, order.paid_twice_ms, "payment")
        return orders + again

    def _again(self, order: Order, scene: Scene) -> Order:
        delay = int(scene.rng.integers(_CLICK_MS, _SLOWEST_CLICK_MS))
        second = copy(order)
        second.order_id = scene.numbers.take(1)[0]
        second.time_ms = order.time_ms + delay
        second.promised_ms = order.promised_ms + delay
        second.journey = order.journey.moved(delay)
        scene.touch(second.order_id, second.time_ms)
        return second

    def labels(self, scene: Scene) -> list[Label]:
        """Return one label for the orders, one for the payments."""
        labels = []
        if orders := scene.touched():
            labels.append(self.label(scene, orders, kinds=self.kinds[:1]))
        if payments := scene.touched("payment"):
            labels.append(self.label(scene, payments, kinds=("duplicate.payment", "payment.double")))
        return labels


def _those_from(orders: list[Order], times: list[int]) -> list[Order]:
    """For each of `times` the first order at or after it, no order twice."""
    chosen: dict[str, Order] = {}
    for time in times:
        found = next((o for o in orders if o.time_ms >= time and o.order_id not in chosen), None)
        if found is not None:
            chosen[found.order_id] = found
    return list(chosen.values())
