"""The clock of the system that reports payments runs ahead: what it tells has not happened yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field
from pydantic.dataclasses import dataclass

from stream.simulator.incident import STRICT, Incident, Scene
from stream.simulator.order import NEVER

if TYPE_CHECKING:
    from stream.simulator.order import Order


@dataclass(frozen=True, kw_only=True, config=STRICT)
class FastClock(Incident):
    """Payments that are reported meanwhile say that they happened `ahead_seconds` after they did.

    It shows where the log knows when an event came into it: in Kafka, not in a file.
    """

    kinds: ClassVar[tuple[str, ...]] = ("latency.clock_ahead",)
    also: ClassVar[tuple[str, ...]] = ("behaviour", "latency", "process", "system")
    shows_in_replay: ClassVar[bool] = False

    ahead_seconds: Annotated[float, Field(gt=0, le=300)] = 120.0

    @property
    def entity(self) -> str:
        """Return the source."""
        return "source/order.paid"

    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Turn the clock for payments that are due meanwhile."""
        for order in orders:
            paid_ms = order.journey.paid_ms
            if paid_ms != NEVER and scene.covers(paid_ms):
                order.payment_clock_ms = -round(self.ahead_seconds * 1_000)
                scene.touch(order.order_id, paid_ms)
        return orders
