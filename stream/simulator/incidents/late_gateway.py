"""One payment method's confirmations come late, and some never."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import AfterValidator, Field
from pydantic.dataclasses import dataclass

from stream.simulator.incident import STRICT, Duration, Incident, Scene, Share
from stream.simulator.market import METHODS
from stream.simulator.order import NEVER, Order, no_journey

if TYPE_CHECKING:
    from stream.simulator.label import Label


def _is_method(name: str) -> str:
    if name not in (names := [method.name for method in METHODS]):
        raise ValueError(f"must be one of {', '.join(names)}")
    return name


@dataclass(frozen=True, kw_only=True, config=STRICT)
class LateGateway(Incident):
    """Orders paid by `method` are confirmed `delay_minutes` late on average; the share `lost` never.

    A lost confirmation stops the order: it is neither approved nor shipped. It shows from when the first
    confirmation should have come until the last late one has.
    """

    kinds: ClassVar[tuple[str, ...]] = (
        "payment.overdue",
        "payment.callbacks_missing",
        "latency.outlier",
        "missing.payment",
    )
    also: ClassVar[tuple[str, ...]] = ("behaviour", "process")

    duration_seconds: Duration = 3_600.0
    method: Annotated[str, AfterValidator(_is_method)] = "wechat_pay"
    delay_minutes: Annotated[float, Field(gt=0, le=100_000)] = 30.0
    lost: Share = 0.3

    @property
    def entity(self) -> str:
        """Return the payment method."""
        return f"payment_method/{self.method}"

    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Delay or lose the confirmations of orders placed meanwhile."""
        for order in orders:
            due_ms = order.journey.paid_ms
            if order.method == self.method and due_ms != NEVER and scene.covers(order.time_ms):
                scene.touch(order.order_id, due_ms, "due")
                self._hold_up(order, scene)
                scene.touch(order.order_id, max(due_ms, order.journey.paid_ms))
        return orders

    def _hold_up(self, order: Order, scene: Scene) -> None:
        if scene.rng.random() < self.lost:
            order.journey = no_journey()
        else:
            delay = self.delay_minutes * 60_000.0 * scene.rng.lognormal(-0.045, 0.3)  # mean 1
            order.journey = order.journey.moved(round(delay))

    def labels(self, scene: Scene) -> list[Label]:
        """Return one label, from the first confirmation that is missed."""
        label = self.label(scene, scene.touched())
        due = scene.touched("due")
        return [replace(label, starts_at_ms=due[0][0])] if due else []
