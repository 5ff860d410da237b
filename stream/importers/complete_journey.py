"""The Complete Journey, baskets of a grocer's loyal households, 2017 (dunnhumby, CC0): one basket a line -> one event.

A basket becomes `order.created`; there are no payments, shipments or deliveries. What the set does not say:

* Times are local without a zone; they are read as America/New_York. The store stands as the region.
* A line has what was received for it. With what the card, the coupon and the store's match of it took off, that is
  what the shelf said: the unit price. What each took off, over the basket, is a discount of one promotion each.
* Where pieces do not divide a line's cents evenly, some of them cost a cent more and stand on a line of their own.
* A line without pieces or without a price is left out, as is a basket that has no other lines. Both are counted.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from stream.importers.source import Event, LocalClock, minor, money, records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ZONE: Final = "America/New_York"
CURRENCY: Final = "USD"
PROMOTIONS: Final = ("card", "coupon", "coupon_match")

BasketLine = tuple[int, int, float, float, float, float]
"""Product, pieces, amount received, and what card, coupon and match of the coupon took off."""


class Basket(Struct):
    """One line of the file."""

    order_id: int
    customer_id: int
    store_id: int
    ts: str
    lines: list[BasketLine]


def events(path: Path | str, counts: Counter[str] | None = None) -> Iterator[Event]:
    """Contract events of the file at `path`, by `occurred_at`; its lines must stand in order of time.

    `counts`, if given, is filled: `baskets`, `baskets_without_sale` (left out), `lines_without_sale` (left out),
    `events`.
    """
    counts = Counter() if counts is None else counts
    clock = LocalClock(ZONE)
    for basket in records(path, Basket):
        counts["baskets"] += 1
        lines = [line for line in basket.lines if line[1] > 0 and _shelf(line) > 0]
        counts["lines_without_sale"] += len(basket.lines) - len(lines)
        if not lines:
            counts["baskets_without_sale"] += 1
            continue
        counts["events"] += 1
        yield _created(basket, lines, clock)


def _shelf(line: BasketLine) -> int:
    """What the shelf asked for all pieces of a line, in cents."""
    _, _, received, card, _, match = line
    return minor(received) + minor(card) + minor(match)


def _created(basket: Basket, lines: list[BasketLine], clock: LocalClock) -> Event:
    off = {name: sum(minor(line[3 + i]) for line in lines) for i, name in enumerate(PROMOTIONS)}
    total = sum(map(_shelf, lines)) - sum(off.values())
    return {
        "event_id": f"{basket.order_id}:created",
        "event_type": "order.created",
        "occurred_at": clock.utc(basket.ts),
        "order_id": str(basket.order_id),
        "channel": "complete_journey",
        "customer_id": str(basket.customer_id),
        "currency": CURRENCY,
        "line_items": [item for line in lines for item in _items(line)],
        "discounts": [{"promotion_id": name, "amount": money(amount)} for name, amount in off.items() if amount],
        "total_price": money(total),
        "shipping_address": {"country": "US", "region": f"store-{basket.store_id}"},
    }


def _items(line: BasketLine) -> Iterator[Event]:
    product, pieces = str(line[0]), line[1]
    price, dearer = divmod(_shelf(line), pieces)
    for quantity, unit in ((pieces - dearer, price), (dearer, price + 1)):
        if quantity:
            yield {"sku": product, "product_id": product, "quantity": quantity, "price": money(unit)}
