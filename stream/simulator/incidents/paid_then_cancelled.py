"""Orders are paid, their status never says so, and they are cancelled as unpaid; the money stays."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic.dataclasses import dataclass

from stream.simulator.incident import STRICT, Count, Incident, Scene
from stream.simulator.order import NEVER, no_journey

if TYPE_CHECKING:
    from stream.simulator.order import Order

_UNPAID_AFTER_MS = 1_800_000


@dataclass(frozen=True, kw_only=True, config=STRICT)
class PaidThenCancelled(Incident):
    """`orders` more orders are paid and cancelled half an hour later, and nobody returns the money."""

    kinds: ClassVar[tuple[str, ...]] = ("payment.kept_after_cancel",)
    also: ClassVar[tuple[str, ...]] = ("behaviour", "volume", "process")

    orders: Count = 12

    @property
    def entity(self) -> str:
        """Return everything: the customers are many."""
        return "overall/all"

    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Add this slot's orders."""
        extra = scene.orders_at(scene.scheduled(self.orders))
        for order in extra:
            paid_ms, order.journey = order.journey.paid_ms, no_journey()
            if paid_ms != NEVER:
                order.journey.paid_ms = paid_ms
                order.journey.cancelled_ms = paid_ms + _UNPAID_AFTER_MS
                scene.touch(order.order_id, order.journey.cancelled_ms)
                scene.loss_minor += order.total_minor
        return orders + extra
