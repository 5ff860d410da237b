"""Refunds go out twice, or for more than was paid."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from stream.simulator.incident import STRICT, Incident, Scene
from stream.simulator.order import NEVER, no_journey

if TYPE_CHECKING:
    from stream.simulator.label import Label
    from stream.simulator.order import Order

_REFUNDED_AFTER_MS, _AGAIN_MS = 600_000, 20_000
_TOO_MUCH = Decimal("1.5")


def _too_much(event: dict[str, Any]) -> dict[str, Any]:
    if event["event_type"] != "order.refunded":
        return event
    payments = [one | {"amount": f"{Decimal(one['amount']) * _TOO_MUCH:.2f}"} for one in event["payments"]]
    return event | {"payments": payments}


@dataclass(frozen=True, kw_only=True, config=STRICT)
class WrongRefund(Incident):
    """Of the orders meanwhile `twice` more are cancelled and refunded twice, `above` more with half too much."""

    kinds: ClassVar[tuple[str, ...]] = ("payment.double_refund",)
    also: ClassVar[tuple[str, ...]] = ("behaviour", "volume", "process", "missing")

    twice: Annotated[int, Field(ge=0, le=1_000_000)] = 8
    above: Annotated[int, Field(ge=0, le=1_000_000)] = 8

    @property
    def entity(self) -> str:
        """Return everything: the orders are many."""
        return "overall/all"

    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Add this slot's refunded orders."""
        twice = scene.orders_at(scene.scheduled(self.twice, "twice"))
        above = scene.orders_at(scene.scheduled(self.above, "above"))
        for order in twice + above:
            self._withdraw(order)
        for order in twice:
            if order.journey.refunded_ms != NEVER:
                again_ms = order.journey.refunded_ms + _AGAIN_MS
                order.further = (("order.refunded", again_ms, "-again"),)
                scene.touch(order.order_id, again_ms, "twice")
        for order in above:
            if order.journey.refunded_ms != NEVER:
                order.retell = _too_much
                scene.touch(order.order_id, order.journey.refunded_ms, "above")
        return orders + twice + above

    def _withdraw(self, order: Order) -> None:
        paid_ms, order.journey = order.journey.paid_ms, no_journey()
        if paid_ms != NEVER:
            order.journey.paid_ms, order.journey.cancelled_ms = paid_ms, paid_ms + _REFUNDED_AFTER_MS
            order.journey.refunded_ms = order.journey.cancelled_ms + 1_000

    def labels(self, scene: Scene) -> list[Label]:
        """Return one label for those refunded twice, one for those refunded too much."""
        labels = []
        if twice := scene.touched("twice"):
            labels.append(self.label(scene, twice))
        if above := scene.touched("above"):
            labels.append(self.label(scene, above, kinds=("payment.refund_over_paid",)))
        return labels
