"""Payments fail, are tried again, and fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import AfterValidator
from pydantic.dataclasses import dataclass

from stream.simulator.incident import STRICT, Incident, Scene, Share
from stream.simulator.market import METHODS
from stream.simulator.order import NEVER, no_journey

if TYPE_CHECKING:
    from stream.simulator.order import Order

_RETRIES, _RETRY_MS = 2, 60_000


def is_method_or_any(name: str) -> str:
    """Refuse what is neither a payment method of the shop nor empty."""
    if name and name not in (names := [method.name for method in METHODS]):
        raise ValueError(f"must be one of {', '.join(names)}, or empty for all of them")
    return name


def _failed(event: dict[str, Any]) -> dict[str, Any]:
    if event["event_type"] == "order.paid":
        return event | {"payments": [payment | {"status": "failed"} for payment in event["payments"]]}
    return event


@dataclass(frozen=True, kw_only=True, config=STRICT)
class FailingPayments(Incident):
    """Of the payments meanwhile the share `failing` fails, and again at each of two tries; those orders end there.

    With `method` only payments of that method do.
    """

    kinds: ClassVar[tuple[str, ...]] = ("payment.failures_surge",)
    also: ClassVar[tuple[str, ...]] = ("behaviour", "volume", "process", "missing", "latency")

    failing: Share = 0.5
    method: Annotated[str, AfterValidator(is_method_or_any)] = ""

    @property
    def entity(self) -> str:
        """Return the method, or everything where every method is concerned."""
        return f"payment_method/{self.method}" if self.method else "overall/all"

    def inject(self, orders: list[Order], scene: Scene) -> list[Order]:
        """Let payments fail that are due meanwhile."""
        for order in orders:
            paid_ms = order.journey.paid_ms
            is_due = paid_ms != NEVER and scene.covers(paid_ms) and self.method in {"", order.method}
            if is_due and scene.rng.random() < self.failing:
                order.retell, order.journey = _failed, no_journey()
                order.journey.paid_ms = paid_ms
                order.further = tuple(
                    ("order.paid", paid_ms + n * _RETRY_MS, f"-try{n}") for n in range(1, _RETRIES + 1)
                )
                scene.touch(order.order_id, paid_ms)
        return orders
