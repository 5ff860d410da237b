"""Olist, orders of a Brazilian marketplace, 2016 to 2018 (CC BY-NC-SA 4.0): one order a line -> its life.

An order becomes up to six events: created at its purchase, paid and approved at its approval (the set has no
time of payment), shipped at the hand-over to the carrier, delivered, cancelled. What the set does not say:

* Times are local without a zone; they are read as America/Sao_Paulo, whose summer time the set follows.
* Carriers have no names, so all parcels go with one, `olist`; the region still tells the routes apart.
* A cancellation has no time; it is put one second after the last thing known of the order.
* `total_price` is items + freight. Interest on instalments and rare mistakes make the sum of the payments
  differ, and that stays visible. A voucher is a payment here, not a discount.
* Equal items of an order (product, seller, price) are one line with their quantity.

An order without items can't be a contract order: it is left out whole, and counted.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from msgspec import Struct

from stream.importers.source import Event, InOrder, LocalClock, minor, money, records

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ZONE: Final = "America/Sao_Paulo"
CARRIER: Final = "olist"


class Item(Struct):
    """One piece of an order; its freight stands beside its price."""

    product_id: str
    seller_id: str
    seller_state: str
    price: float
    freight_value: float


class Payment(Struct):
    """One of the payments of an order, numbered by `seq`."""

    seq: int
    type: str
    value: float


class Order(Struct):
    """One line of the file. Times are local; one that is null did not happen."""

    order_id: str
    customer_id: str
    customer_city: str
    customer_state: str
    customer_zip_prefix: str
    status: str
    purchase: str
    approved: str | None
    delivered_carrier: str | None
    delivered_customer: str | None
    estimated_delivery: str
    items: list[Item]
    payments: list[Payment]


def events(path: Path | str, counts: Counter[str] | None = None) -> Iterator[Event]:
    """Contract events of the file at `path`, by `occurred_at`; its lines must stand in order of purchase.

    `counts`, if given, is filled: `orders`, `orders_without_items` (left out), `orders_without_payment`
    (no time or no amount: never paid, as far as events tell), `events`.
    """
    counts = Counter() if counts is None else counts
    clock, waiting = LocalClock(ZONE), InOrder()
    for order in records(path, Order):
        counts["orders"] += 1
        if not order.items:
            counts["orders_without_items"] += 1
            continue
        counts["orders_without_payment"] += not (order.approved and order.payments)
        life = list(_life(order, clock))
        counts["events"] += len(life)
        yield from waiting.until(life[0]["occurred_at"])
        for event in life:
            waiting.add(event)
    yield from waiting.rest()


def _life(order: Order, clock: LocalClock) -> Iterator[Event]:
    yield _created(order, clock)
    if order.approved and order.payments:
        yield _paid(order, clock.utc(order.approved))
    if order.approved:
        yield _event(order, "approved", clock.utc(order.approved))
    if order.delivered_carrier:
        yield _shipped(order, clock.utc(order.delivered_carrier))
    if order.delivered_customer:
        yield _event(order, "delivered", clock.utc(order.delivered_customer))
    if order.status == "canceled":
        yield _event(order, "cancelled", _a_second_after(clock.utc(_last_known(order))))


def _event(order: Order, stage: str, occurred_at: str) -> Event:
    return {
        "event_id": f"{order.order_id}:{stage}",
        "event_type": f"order.{stage}",
        "occurred_at": occurred_at,
        "order_id": order.order_id,
    }


def _created(order: Order, clock: LocalClock) -> Event:
    goods = sum(minor(item.price) for item in order.items)
    freight = sum(minor(item.freight_value) for item in order.items)
    return _event(order, "created", clock.utc(order.purchase)) | {
        "channel": "olist",
        "customer_id": order.customer_id,
        "currency": "BRL",
        "line_items": _lines(order.items),
        "total_shipping": money(freight),
        "total_price": money(goods + freight),
        "shipping_address": {
            "country": "BR",
            "region": order.customer_state,
            "city": order.customer_city,
            "postal_code": order.customer_zip_prefix,
        },
        "promised_at": clock.utc(order.estimated_delivery),
    }


def _lines(items: list[Item]) -> list[Event]:
    pieces = Counter((item.product_id, item.seller_id, minor(item.price)) for item in items)
    return [
        {
            "sku": product,
            "product_id": product,
            "seller_id": seller,
            "quantity": quantity,
            "price": money(price),
        }
        for (product, seller, price), quantity in pieces.items()
    ]


def _paid(order: Order, occurred_at: str) -> Event:
    return _event(order, "paid", occurred_at) | {
        "currency": "BRL",
        "payments": [
            {
                "payment_id": f"{order.order_id}-{payment.seq}",
                "method": payment.type,
                "amount": money(minor(payment.value)),
            }
            for payment in order.payments
        ],
    }


def _shipped(order: Order, occurred_at: str) -> Event:
    return _event(order, "shipped", occurred_at) | {
        "carrier": CARRIER,
        "tracking_number": order.order_id.upper(),
    }


def _last_known(order: Order) -> str:
    """Latest local time that the set gives for `order`."""
    times = (order.purchase, order.approved, order.delivered_carrier, order.delivered_customer)
    return max(time for time in times if time)


def _a_second_after(utc: str) -> str:
    return (datetime.fromisoformat(utc) + timedelta(seconds=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
