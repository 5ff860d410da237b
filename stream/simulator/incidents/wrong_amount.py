"""A payment method takes another amount than the order's total."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from stream.simulator.incident import STRICT, Count, Incident, Scene
from stream.simulator.order import NEVER

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream.simulator.order import Order


@dataclass(frozen=True, kw_only=True, config=STRICT)
class WrongAmount(Incident):
    """Of `orders` more orders only the share `paid` of the total is taken, or more than all of it."""

    kinds: ClassVar[tuple[str, ...]] = ("payment.amount_mismatch", "missing.reconciliation")
    also: ClassVar[tuple[str, ...]] = ("behaviour", "volume")

    orders: Count = 12
    paid: Annotated[float, Field(gt=0, le=100)] = 0.9

    @property
    def entity(self) -> str:
        """Return everything: every method is concerned."""
        return "overall/all"

    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Add this slot's orders."""
        extra = scene.orders_at(scene.scheduled(self.orders))
        for order in extra:
            if order.journey.paid_ms != NEVER:
                order.retell = _taking(Decimal(str(self.paid)))
                scene.touch(order.order_id, order.journey.paid_ms)
                scene.loss_minor += round(order.total_minor * max(0.0, 1.0 - self.paid))
        return orders + extra


def _taking(share: Decimal) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def told(event: dict[str, Any]) -> dict[str, Any]:
        if event["event_type"] != "order.paid":
            return event
        payments = [one | {"amount": f"{Decimal(one['amount']) * share:.2f}"} for one in event["payments"]]
        return event | {"payments": payments}

    return told
