"""A block of orders never reaches the log; some of them are paid and shipped all the same."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic.dataclasses import dataclass

from stream.simulator.incident import STRICT, Count, Incident, Scene, Share

if TYPE_CHECKING:
    from stream.simulator.label import Label
    from stream.simulator.order import Order


def _uncreated(event: dict[str, Any]) -> dict[str, Any] | None:
    return None if event["event_type"] == "order.created" else event


@dataclass(frozen=True, kw_only=True, config=STRICT)
class LostOrders(Incident):
    """The next `orders` orders of the shop are not told. The share `known` goes on in payment and fulfilment.

    It shows in the hole of their numbers, and in payments of orders that nobody created.
    """

    kinds: ClassVar[tuple[str, ...]] = ("missing.order_numbers", "missing.order")
    also: ClassVar[tuple[str, ...]] = ("behaviour", "volume", "process", "payment")

    orders: Count = 30
    known: Share = 0.5

    @property
    def entity(self) -> str:
        """Return everything: the orders are of all channels."""
        return "overall/all"

    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Keep this slot's share of the lost orders back."""
        kept = []
        for order in sorted(orders, key=lambda order: order.time_ms):
            if not scene.covers(order.time_ms) or scene.sold >= self.orders:
                kept.append(order)
                continue
            scene.sold += 1
            scene.touch(order.order_id, order.time_ms, "lost")
            if scene.rng.random() < self.known:
                order.retell = _uncreated
                scene.touch(order.order_id, max(order.time_ms, order.journey.paid_ms), "known")
                kept.append(order)
        return kept

    def labels(self, scene: Scene) -> list[Label]:
        """Return one label for the hole, one for the orders known elsewhere."""
        labels = []
        if lost := scene.touched("lost"):  # their absence is the sign
            labels.append(replace(self.label(scene, lost, ("missing.order_numbers",)), order_ids=(), shows_ms=()))
        if known := scene.touched("known"):
            labels.append(self.label(scene, known, kinds=("missing.order",)))
        return labels
