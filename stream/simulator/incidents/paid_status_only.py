"""The shop marks orders as paid, and the payment provider's callback never comes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic.dataclasses import dataclass

from stream.simulator.incident import STRICT, Count, Incident, Scene
from stream.simulator.order import NEVER

if TYPE_CHECKING:
    from stream.simulator.order import Order


def _without_money(event: dict[str, Any]) -> dict[str, Any]:
    if event["event_type"] == "order.paid":
        return event | {"payments": [payment | {"status": "pending"} for payment in event["payments"]]}
    return event


@dataclass(frozen=True, kw_only=True, config=STRICT)
class PaidStatusOnly(Incident):
    """`orders` more orders are said to be paid while their payments are pending, and stay so; they are shipped."""

    kinds: ClassVar[tuple[str, ...]] = (
        "payment.paid_without_payment",
        "payment.failures_surge",
        "payment.callbacks_missing",
    )
    also: ClassVar[tuple[str, ...]] = ("behaviour", "volume", "process", "missing")

    orders: Count = 20

    @property
    def entity(self) -> str:
        """Return everything: every method is concerned."""
        return "overall/all"

    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Add this slot's orders without money."""
        extra = scene.orders_at(scene.scheduled(self.orders))
        for order in extra:
            if order.journey.paid_ms != NEVER:
                order.retell = _without_money
                scene.touch(order.order_id, order.journey.paid_ms)
        return orders + extra
