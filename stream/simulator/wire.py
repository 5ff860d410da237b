"""A simulated order -> the contract's events as JSON bytes."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from stream.simulator.order import NEVER, Order

if TYPE_CHECKING:
    from collections.abc import Iterator

    from stream.simulator.catalogue import Catalogue

CURRENCY: Final = "CNY"
_encode = msgspec.json.Encoder().encode
_FOLLOWING: Final = (
    "order.paid",
    "order.approved",
    "order.shipped",
    "order.delivered",
    "order.cancelled",
    "order.refunded",
)


class SimulatedEvent(NamedTuple):
    """One message: its event time, its Kafka key and its value. Sorts by time."""

    time_ms: int
    key: str
    value: bytes


@lru_cache(maxsize=1 << 16)
def _minute(minute: int) -> str:
    return datetime.fromtimestamp(minute * 60, UTC).strftime("%Y-%m-%dT%H:%M:")


def rfc3339(time_ms: int) -> str:
    """Milliseconds since 1970 UTC -> the contract's time.

    >>> rfc3339(1_767_225_600_007)
    '2026-01-01T00:00:00.007Z'
    """
    minute, rest = divmod(time_ms, 60_000)
    return f"{_minute(minute)}{rest // 1_000:02d}.{rest % 1_000:03d}Z"


def pseudonym(customer: int) -> str:
    """Customer's number -> 32 hexadecimal digits, as shops hand out; the odd factor keeps them distinct."""
    return f"{(customer + 1) * 0x9E3779B97F4A7C15F39CC0605CEDC835 & ((1 << 128) - 1):032x}"


class _MoneyText(dict[int, str]):
    """Minor units -> decimal string, remembered because prices repeat."""

    def __missing__(self, minor: int) -> str:
        if len(self) > 1 << 16:
            self.clear()
        whole, cents = divmod(abs(minor), 100)
        text = self[minor] = f"{'-' if minor < 0 else ''}{whole}.{cents:02d}"
        return text


_money = _MoneyText()


def created_events(order: Order, catalogue: Catalogue, ends_ms: int) -> Iterator[SimulatedEvent]:
    """`order.created`, spoilt if the order says so, and told again before `ends_ms` if it says so."""
    again = [(time_ms, mark) for event_type, time_ms, mark in order.further if event_type == "order.created"]
    for time_ms, mark in [(order.time_ms, ""), *again]:
        if time_ms < ends_ms:
            event = _created(order, catalogue, time_ms, mark)
            yield from _told(order, time_ms + order.told_late_ms, event)


def _created(order: Order, catalogue: Catalogue, time_ms: int, mark: str) -> dict[str, Any]:
    event: dict[str, Any] = {
        "event_id": f"{order.order_id}:created{mark}",
        "event_type": "order.created",
        "occurred_at": rfc3339(time_ms),
        "order_id": order.order_id,
        "channel": order.client.channel,
        "customer_id": pseudonym(order.customer),
        "currency": CURRENCY,
        "line_items": [
            {
                "sku": catalogue.skus[line.product],
                "product_id": catalogue.product_ids[line.product],
                "seller_id": catalogue.seller_ids[line.product],
                "quantity": line.quantity,
                "price": _money[line.price_minor],
                "unit_cost": _money[catalogue.cost_by_product[line.product]],
            }
            for line in order.lines
        ],
        "discounts": _discounts(order),
        "total_shipping": _money[order.shipping_minor],
        "total_tax": _money[order.tax_minor],
        "total_price": _money[order.total_minor],
        "shipping_address": {
            "country": "CN",
            "region": order.region.name,
            "city": order.region.city,
            "postal_code": order.postal_code,
            "phone": order.phone,
        },
        "promised_at": rfc3339(order.promised_ms),
    }
    if order.client.version is not None:
        event["client_version"] = order.client.version
    return event


def _told(order: Order, time_ms: int, event: dict[str, Any]) -> Iterator[SimulatedEvent]:
    """The message about an order, as an incident has it told; none where it is kept back."""
    told = order.retell(event) if order.retell else event
    if told is not None:
        value = _encode(told)
        is_garbled = order.garble is not None and told["event_type"] == "order.created"
        yield SimulatedEvent(time_ms, order.order_id, order.garble(value) if is_garbled and order.garble else value)


def _discounts(order: Order) -> list[dict[str, str]]:
    return [
        {
            "promotion_id": discount.promotion_id,
            "code": f"{discount.promotion_id}-{order.order_id[-6:]}",
            "amount": _money[discount.amount_minor],
            "type": discount.kind,
        }
        for discount in order.discounts
    ]


def following_events(order: Order, ends_ms: int) -> Iterator[SimulatedEvent]:
    """What happens to `order` after it is placed and before `ends_ms`."""
    late_type, late_ms = order.stage_told_late
    for event_type, time_ms in zip(_FOLLOWING, order.journey.times(), strict=True):
        if NEVER < time_ms < ends_ms:
            told_ms = time_ms + (late_ms if event_type == late_type else 0)
            yield from _told(order, told_ms, _following(order, event_type, time_ms))
    if NEVER < order.paid_twice_ms < ends_ms:
        yield from _told(order, order.paid_twice_ms, _following(order, "order.paid", order.paid_twice_ms, "-again"))
    for event_type, time_ms, mark in order.further:
        if event_type != "order.created" and time_ms < ends_ms:
            yield from _told(order, time_ms, _following(order, event_type, time_ms, mark))


def _following(order: Order, event_type: str, time_ms: int, again: str = "") -> dict[str, Any]:
    number = order.order_id
    event: dict[str, Any] = {
        "event_id": f"{number}:{event_type[6:]}{again}",
        "event_type": event_type,
        "occurred_at": rfc3339(time_ms - (order.payment_clock_ms if event_type == "order.paid" else 0)),
        "order_id": number,
    }
    if event_type in {"order.paid", "order.refunded"}:
        event["currency"] = CURRENCY
        event["payments"] = _payments(order, event_type[6:] + again)
    elif event_type == "order.shipped":
        event["carrier"] = order.carrier
        event["tracking_number"] = order.tracking_number or f"{order.carrier}{number[-10:]}"
    return event


def _payments(order: Order, purpose: str) -> list[dict[str, str]]:
    total = order.total_minor
    by_card = int(total * order.gift_card_share)
    parts = [(order.method, total - by_card), ("gift_card", by_card)]
    status = "refunded" if purpose.startswith("refunded") else "captured"
    return [
        {
            "payment_id": f"{order.order_id}-{purpose}-{seq}",
            "method": method,
            "amount": _money[amount],
            "status": status,
        }
        for seq, (method, amount) in enumerate(parts, 1)
        if amount
    ]


def inventory_event(time_ms: int, sku: str, available: int) -> SimulatedEvent:
    """`inventory.updated`."""
    event = {
        "event_id": f"{sku}@{time_ms}:{available}",
        "event_type": "inventory.updated",
        "occurred_at": rfc3339(time_ms),
        "sku": sku,
        "available": available,
    }
    return SimulatedEvent(time_ms, sku, _encode(event))
