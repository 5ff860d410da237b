"""Orders that go on after their end, skip their review, or are stuck."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

from pydantic.dataclasses import dataclass

from stream.simulator.incident import STRICT, Scene
from stream.simulator.incidents._spoilt import Spoil, SpoiltOrders
from stream.simulator.order import NEVER, Journey, Order

_AN_HOUR_MS: Final = 3_600_000


def _goes_on(order: Order, scene: Scene) -> int:  # noqa: ARG001  # one form for every way
    order.journey.cancelled_ms = order.journey.approved_ms + 1 if order.journey.shipped_ms != NEVER else NEVER
    return order.journey.shipped_ms


def _skips_review(order: Order, scene: Scene) -> int:  # noqa: ARG001  # one form for every way
    order.journey.approved_ms = NEVER
    return order.journey.shipped_ms


def _waits_for_review(order: Order, scene: Scene) -> int:  # noqa: ARG001  # one form for every way
    lost_ms = order.journey.approved_ms
    order.journey = Journey(order.journey.paid_ms, NEVER, NEVER, NEVER, NEVER, NEVER)
    return lost_ms


def _waits_for_a_parcel(order: Order, scene: Scene) -> int:  # noqa: ARG001  # one form for every way
    lost_ms = order.journey.shipped_ms
    order.journey = Journey(order.journey.paid_ms, order.journey.approved_ms, NEVER, NEVER, NEVER, NEVER)
    return lost_ms


def _paid_before_ordered(order: Order, scene: Scene) -> int:  # noqa: ARG001  # one form for every way
    order.payment_clock_ms = _AN_HOUR_MS
    return order.journey.paid_ms


def _unpaid(order: Order, scene: Scene) -> int:
    order.journey.paid_ms = NEVER
    scene.loss_minor += order.total_minor
    return order.journey.shipped_ms


def _refunded_unpaid(order: Order, scene: Scene) -> int:
    refunded_ms = order.time_ms + _AN_HOUR_MS
    order.journey = Journey(NEVER, NEVER, NEVER, NEVER, NEVER, refunded_ms)
    scene.loss_minor += order.total_minor
    return refunded_ms


@dataclass(frozen=True, kw_only=True, config=STRICT)
class BrokenProcess(SpoiltOrders):
    """Cancelled and yet shipped, shipped without review, in review for ever, never handed over, paid early or never.

    What is stuck shows from when it should have gone on; its deadline (`stages` in the settings) passes later.
    """

    ways: ClassVar[Mapping[str, Spoil]] = {
        "process.illegal_transition": _goes_on,
        "process.stage_skipped": _skips_review,
        "process.approval_overdue": _waits_for_review,
        "logistics.hand_over_overdue": _waits_for_a_parcel,
        "latency.clock_skew": _paid_before_ordered,
        "process.shipped_unpaid": _unpaid,
        "payment.refund_over_paid": _refunded_unpaid,
    }
    kinds: ClassVar[tuple[str, ...]] = tuple(ways)
    also: ClassVar[tuple[str, ...]] = ("behaviour", "volume", "latency", "logistics", "payment")
