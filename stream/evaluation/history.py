"""A real log while faults are put into it: orders by their number, each with the events of its life."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import msgspec

from stream.importers.source import money

Event = dict[str, Any]


def time_of(event: Event) -> int:
    """Milliseconds since 1970.

    >>> time_of({"occurred_at": "1970-01-01T00:00:02Z"})
    2000
    """
    return round(datetime.fromisoformat(event["occurred_at"]).timestamp() * 1_000)


def text_of(time_ms: int) -> str:
    """Whole seconds of RFC 3339, as the importers write them.

    >>> text_of(2_999)
    '1970-01-01T00:00:02Z'
    """
    return datetime.fromtimestamp(time_ms // 1_000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def minor_of(text: str) -> int:
    """Decimal text of a currency with two decimals -> minor units.

    >>> minor_of("-0.29")
    -29
    """
    return round(Decimal(text) * 100)


class History:
    """The orders of a log. One that a fault has touched is left alone by the next.

    `earlier_sales` says how often a product was sold before a time; as faults are put in, it keeps to what was true.
    """

    def __init__(self, events: Iterable[Event]) -> None:
        """Take the events apart by order; those of no order go on as they are."""
        self._lives: dict[str, list[Event]] = {}
        for event in events:
            self._lives.setdefault(event["order_id"], []).append(event)
        created = [(life[0]["occurred_at"], order) for order, life in self._lives.items() if is_created(life[0])]
        self._ids = [order for _, order in sorted(created)]
        self._times = [time_of(self._lives[order][0]) for order in self._ids]
        self._touched: set[str] = set()
        self._sales: dict[str, list[int]] = {}
        for order, time_ms in zip(self._ids, self._times, strict=True):
            for line in self._lives[order][0]["line_items"]:
                self._sales.setdefault(line["product_id"], []).append(time_ms)

    def __len__(self) -> int:
        return len(self._ids)

    @property
    def event_types(self) -> frozenset[str]:
        """What kinds of events there are."""
        return frozenset(Counter(event["event_type"] for life in self._lives.values() for event in life))

    def at_share(self, share: float) -> int:
        """The time by which this share of the orders had been placed."""
        return self._times[min(len(self._times) - 1, int(share * len(self._times)))]

    def begin(self) -> int:
        """The time of the first order."""
        return self._times[0]

    def end(self) -> int:
        """The time of the last order."""
        return self._times[-1]

    def untouched(self, begins_ms: int, ends_ms: int) -> list[str]:
        """Orders placed from one time until before another that no fault has touched yet."""
        placed = self._ids[bisect_left(self._times, begins_ms) : bisect_left(self._times, ends_ms)]
        return [order for order in placed if order not in self._touched and order in self._lives]

    def life(self, order: str) -> list[Event]:
        """The events of an order, the first one first."""
        return self._lives[order]

    def created(self, order: str) -> Event:
        """The event that placed it."""
        return self._lives[order][0]

    def stage(self, order: str, event_type: str) -> Event | None:
        """The first event of that type, if it has one."""
        return next((event for event in self._lives[order] if event["event_type"] == event_type), None)

    def touch(self, order: str) -> None:
        """Keep other faults away from an order."""
        self._touched.add(order)

    def lose(self, order: str) -> None:
        """Take an order out of the log."""
        self._touched.add(order)
        del self._lives[order]

    def add(self, order: str, life: list[Event]) -> None:
        """Put in an order that was not there."""
        self._touched.add(order)
        self._lives[order] = life

    def earlier_sales(self, product: str, before_ms: int) -> int:
        """How often a product was sold before a time."""
        return bisect_left(self._sales.get(product, []), before_ms)

    def lines(self, until_ms: int) -> list[bytes]:
        """All events until a time, in order of it; each order's keep their order where times are the same."""
        last = text_of(until_ms)
        events = [event for life in self._lives.values() for event in life if event["occurred_at"] <= last]
        events.sort(key=lambda event: event["occurred_at"])
        return [msgspec.json.encode(event) for event in events]


def is_created(event: Event) -> bool:
    """Whether it places an order."""
    return bool(event["event_type"] == "order.created")


def moved(life: list[Event], delay_ms: int, after: str = "") -> None:
    """Let every event of a life (after its first one of type `after`, if given) happen later."""
    begins = 0 if not after else next(i for i, event in enumerate(life) if event["event_type"] == after)
    for event in life[begins:]:
        event["occurred_at"] = text_of(time_of(event) + delay_ms)


def copied(life: list[Event], order: str) -> list[Event]:
    """The same life under another order number; nothing in it is shared."""
    twin: list[Event] = msgspec.json.decode(msgspec.json.encode(life))
    for event in twin:
        event["event_id"] = f"{order}:{event['event_type']}"
        event["order_id"] = order
        for payment in event.get("payments", ()):
            payment["payment_id"] = f"{order}-{payment['payment_id']}"
    return twin


def charge(life: list[Event], difference_minor: int) -> None:
    """Let an order cost so much more (or less), and let its payments be of as much more, each in its share."""
    before = minor_of(life[0]["total_price"])
    after = before + difference_minor
    life[0]["total_price"] = money(after)
    for event in life:
        if event["event_type"] == "order.paid" and before:
            _spread(event["payments"], Decimal(after) / before)


def _spread(payments: list[Event], factor: Decimal) -> None:
    amounts = [minor_of(payment["amount"]) for payment in payments]
    wanted = round(sum(amounts) * factor)
    scaled = [round(amount * factor) for amount in amounts]
    scaled[0] += wanted - sum(scaled)
    for payment, amount in zip(payments, scaled, strict=True):
        payment["amount"] = money(amount)
