"""UCI Online Retail, a British wholesaler, 2010 to 2011 (CC BY 4.0): one invoice a line -> one event.

An invoice of sale becomes `order.created`, a credit note (`C…`) `order.refunded` under its own number: the
set does not say which invoice it takes back. What the set does not say, and what is left out:

* Times are local without a zone; they are read as Europe/London. Customers' region is their country.
* A line without a price is a sample, a gift or a correction of the stock, as is one of a sale with a quantity
  of zero or less: it is left out, and so is an invoice that has no other lines. Both are counted.
* An invoice without a customer gets one of its own, `guest-<invoice>`: one guest for all of them would be the
  busiest customer there is.
* There are no payments, shipments or deliveries, so nothing is known of latencies.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final, Literal

from msgspec import Struct

from stream.importers.source import Event, LocalClock, minor, money, records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ZONE: Final = "Europe/London"
CURRENCY: Final = "GBP"
_BINARY_ERROR: Final = 1e-6  # pence; a price of whole pence is never so far off


class Invoice(Struct):
    """One line of the file; `lines` are [stock code, quantity, unit price]."""

    order_id: str
    kind: Literal["order", "cancel"]
    customer_id: str | None
    country: str
    ts: str
    lines: list[tuple[str, int, float]]


def events(path: Path | str, counts: Counter[str] | None = None) -> Iterator[Event]:
    """Contract events of the file at `path`, by `occurred_at`; its lines must stand in order of time.

    `counts`, if given, is filled: `invoices`, `invoices_without_sale` (left out), `lines_without_sale` (left
    out), `prices_rounded` (to whole pence), `guests`, `events`.
    """
    counts = Counter() if counts is None else counts
    clock = LocalClock(ZONE)
    for invoice in records(path, Invoice):
        counts["invoices"] += 1
        lines = _sold(invoice, counts)
        if not lines:
            counts["invoices_without_sale"] += 1
            continue
        counts["guests"] += invoice.customer_id is None
        counts["events"] += 1
        yield _created(invoice, lines, clock) if invoice.kind == "order" else _refunded(invoice, lines, clock)


def _sold(invoice: Invoice, counts: Counter[str]) -> list[tuple[str, int, int]]:
    """Lines sold, or taken back by a credit note: stock code, pieces > 0, unit price > 0 in pence."""
    sign = 1 if invoice.kind == "order" else -1
    lines = [
        (code, quantity * sign, minor(price))
        for code, quantity, price in invoice.lines
        if quantity * sign > 0 and minor(price) > 0
    ]
    counts["lines_without_sale"] += len(invoice.lines) - len(lines)
    counts["prices_rounded"] += sum(abs(price * 100 - minor(price)) > _BINARY_ERROR for _, _, price in invoice.lines)
    return lines


def _event(invoice: Invoice, stage: str, clock: LocalClock) -> Event:
    return {
        "event_id": f"{invoice.order_id}:{stage}",
        "event_type": f"order.{stage}",
        "occurred_at": clock.utc(invoice.ts),
        "order_id": invoice.order_id,
    }


def _created(invoice: Invoice, lines: list[tuple[str, int, int]], clock: LocalClock) -> Event:
    return _event(invoice, "created", clock) | {
        "channel": "uci",
        "customer_id": invoice.customer_id or f"guest-{invoice.order_id}",
        "currency": CURRENCY,
        "line_items": [
            {"sku": code, "product_id": code, "quantity": quantity, "price": money(price)}
            for code, quantity, price in lines
        ],
        "total_price": money(_sum(lines)),
        "shipping_address": {"country": invoice.country, "region": invoice.country},
    }


def _refunded(invoice: Invoice, lines: list[tuple[str, int, int]], clock: LocalClock) -> Event:
    payment = {
        "payment_id": f"{invoice.order_id}-1",
        "method": "credit_note",
        "amount": money(_sum(lines)),
    }
    return _event(invoice, "refunded", clock) | {"currency": CURRENCY, "payments": [payment]}


def _sum(lines: list[tuple[str, int, int]]) -> int:
    return sum(quantity * price for _, quantity, price in lines)
