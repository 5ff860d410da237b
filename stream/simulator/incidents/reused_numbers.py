"""Two servers deal out the same order numbers, and a third tells its orders twice."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from stream.simulator.incident import STRICT, Incident, Scene

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream.simulator.label import Label
    from stream.simulator.order import Order

_AGAIN_MS = 5_000
_MARK = "-again"


def _of_someone_else(customer_id: str) -> Callable[[dict[str, Any]], dict[str, Any]]:
    def told(event: dict[str, Any]) -> dict[str, Any]:
        return event | {"customer_id": customer_id} if event["event_id"].endswith(_MARK) else event

    return told


@dataclass(frozen=True, kw_only=True, config=STRICT)
class ReusedNumbers(Incident):
    """`clashing` more orders have their number taken by another customer's, `repeated` more are told once more."""

    kinds: ClassVar[tuple[str, ...]] = ("duplicate.order_number", "duplicate.event")
    also: ClassVar[tuple[str, ...]] = ("behaviour", "volume")

    clashing: Annotated[int, Field(ge=0, le=1_000_000)] = 8
    repeated: Annotated[int, Field(ge=0, le=1_000_000)] = 8

    @property
    def entity(self) -> str:
        """Return everything: the orders are many."""
        return "overall/all"

    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Add this slot's orders."""
        clashing = scene.orders_at(scene.scheduled(self.clashing, "clashing"))
        repeated = scene.orders_at(scene.scheduled(self.repeated, "repeated"))
        for order in clashing:
            order.retell = _of_someone_else(f"{scene.rng.integers(1 << 62):032x}")
            scene.touch(order.order_id, order.time_ms + _AGAIN_MS, "clashing")
        for order in repeated:
            scene.touch(order.order_id, order.time_ms + _AGAIN_MS, "repeated")
        for order in clashing + repeated:
            order.further = (("order.created", order.time_ms + _AGAIN_MS, _MARK),)
        return orders + clashing + repeated

    def labels(self, scene: Scene) -> list[Label]:
        """Return one label for the clashes, one for the repeats."""
        labels = []
        if clashing := scene.touched("clashing"):
            labels.append(self.label(scene, clashing, kinds=("duplicate.order_number",)))
        if repeated := scene.touched("repeated"):
            labels.append(self.label(scene, repeated, kinds=("duplicate.event",)))
        return labels
