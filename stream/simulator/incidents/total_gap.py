"""No orders at all: the loudest signal there is, and the easiest to sleep through."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic.dataclasses import dataclass

from stream.simulator.incident import STRICT, Duration, Incident, Scene

if TYPE_CHECKING:
    from stream.simulator.order import Order


@dataclass(frozen=True, kw_only=True, config=STRICT)
class TotalGap(Incident):
    """No order is placed; orders placed before go on their way."""

    kinds: ClassVar[tuple[str, ...]] = ("volume.zero", "volume.drop", "missing.orders")
    also: ClassVar[tuple[str, ...]] = ("behaviour",)

    duration_seconds: Duration = 3_600.0

    @property
    def entity(self) -> str:
        """Return everything."""
        return "overall/all"

    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Lose them all."""
        return [order for order in orders if not scene.covers(order.time_ms)]
