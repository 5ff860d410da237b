"""One simulated order, while it is still being made up: incidents change it before it is written."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream.simulator.market import Client, Region

NEVER: Final = -1
"""The time of a stage that an order does not reach."""


class Line(NamedTuple):
    """`quantity` pieces of the catalogue's product number `product`."""

    product: int
    quantity: int
    price_minor: int


class Discount(NamedTuple):
    """Money that one promotion takes off."""

    promotion_id: str
    kind: str
    amount_minor: int


@dataclass(slots=True)
class Journey:
    """When each later stage happens, in milliseconds since 1970 UTC, or `NEVER`."""

    paid_ms: int
    approved_ms: int
    shipped_ms: int
    delivered_ms: int
    cancelled_ms: int
    refunded_ms: int

    def moved(self, delay_ms: int) -> Journey:
        """The same journey, `delay_ms` later."""
        return Journey(*(time if time == NEVER else time + delay_ms for time in self.times()))

    def times(self) -> tuple[int, int, int, int, int, int]:
        """All stages in their usual order."""
        return (
            self.paid_ms,
            self.approved_ms,
            self.shipped_ms,
            self.delivered_ms,
            self.cancelled_ms,
            self.refunded_ms,
        )


def no_journey() -> Journey:
    """Nothing follows."""
    return Journey(NEVER, NEVER, NEVER, NEVER, NEVER, NEVER)


@dataclass(slots=True)
class Order:
    """What a customer ordered, and what will become of it. Money is integer minor units.

    `paid_twice_ms` is when the same payment is reported again under another number; `garble` spoils the
    bytes of `order.created`. `tracking_number` stands in for the carrier's own; `payment_clock_ms` is by how
    much the clock of the system that reports payments is slow (fast: below 0), `told_late_ms` how late the order is
    told, `stage_told_late` which later event of it is, and by how many milliseconds.
    `retell` changes what an event of the order says, or keeps it back (None);
    `further` are events beside those of the journey: type, time, and what tells their ids from the others'.
    """

    order_id: str
    time_ms: int
    customer: int
    client: Client
    region: Region
    lines: list[Line]
    discounts: list[Discount]
    shipping_minor: int
    tax_minor: int
    method: str
    carrier: str
    promised_ms: int
    gift_card_share: float
    journey: Journey
    phone: str
    postal_code: str
    paid_twice_ms: int = NEVER
    garble: Callable[[bytes], bytes] | None = field(default=None)
    tracking_number: str | None = None
    payment_clock_ms: int = 0
    told_late_ms: int = 0
    stage_told_late: tuple[str, int] = ("", 0)
    retell: Callable[[dict[str, Any]], dict[str, Any] | None] | None = field(default=None)
    further: tuple[tuple[str, int, str], ...] = ()

    @property
    def goods_minor(self) -> int:
        """Σ price x quantity."""
        return sum(line.price_minor * line.quantity for line in self.lines)

    @property
    def total_minor(self) -> int:
        """What is to be paid: goods + shipping + tax - discounts."""
        off = sum(discount.amount_minor for discount in self.discounts)
        return self.goods_minor + self.shipping_minor + self.tax_minor - off


class OrderNumbers:
    """Order numbers of one source (the shop, or one incident); sources never take each other's.

    So the honest orders of a run keep their numbers whatever incidents are added to it.
    """

    SOURCES: Final = 64

    def __init__(self, prefix: str, source: int) -> None:
        """Count for `source`, 0 to 63."""
        self._prefix = prefix
        self._next = source

    def take(self, count: int) -> list[str]:
        """Next `count` order numbers.

        >>> OrderNumbers("A7", 1).take(2)
        ['A70000000001', 'A70000000065']
        """
        first = self._next
        self._next += count * self.SOURCES
        return [f"{self._prefix}{number:010d}" for number in range(first, self._next, self.SOURCES)]
