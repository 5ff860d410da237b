"""Contract events in one line each, for the examples that rules carry and for tests.

>>> created(total_price="1.00")["total_price"], paid(at=60)["occurred_at"]
('1.00', '2026-01-05T10:01:00Z')
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, Final

import msgspec

START: Final = datetime(2026, 1, 5, 10, 0, 0, tzinfo=UTC)
"""A Monday morning."""


def _event(event_type: str, order_id: str, at: float, fields: dict[str, Any]) -> dict[str, Any]:
    moment = (START + timedelta(seconds=at)).isoformat().replace("+00:00", "Z")
    identity = {
        "event_id": f"{order_id}-{event_type}-{at:g}",
        "event_type": event_type,
        "occurred_at": moment,
    }
    return identity | {"order_id": order_id} | fields


def line(**changes: Any) -> dict[str, Any]:
    """One line item: one piece of sku S1 at 100.00 that cost 60.00."""
    usual = {"sku": "S1", "product_id": "P1", "seller_id": "M1", "quantity": 1, "price": "100.00"}
    return usual | {"unit_cost": "60.00"} | changes


def created(order_id: str = "o1", at: float = 0, **changes: Any) -> dict[str, Any]:
    """An honest order of one line for 110.00 CNY, 10.00 of it shipping."""
    usual = {
        "channel": "app",
        "client_version": "8.4.0",
        "customer_id": "c1",
        "currency": "CNY",
        "line_items": [line()],
        "discounts": [],
        "total_shipping": "10.00",
        "total_tax": "0.00",
        "total_price": "110.00",
        "shipping_address": {
            "country": "CN",
            "region": "GD",
            "city": "Shenzhen",
            "postal_code": "518000",
            "phone": "+86 138 0000 0000",
        },
    }
    return _event("order.created", order_id, at, usual | changes)


def paid(order_id: str = "o1", at: float = 60, amount: str = "110.00", **changes: Any) -> dict[str, Any]:
    """One payment of an order."""
    payment = {"payment_id": f"p-{order_id}-{at:g}", "method": "card", "amount": amount, "status": "captured"}
    return _event("order.paid", order_id, at, {"payments": [payment | changes]})


def approved(order_id: str = "o1", at: float = 120, **changes: Any) -> dict[str, Any]:
    """The order passed its review."""
    return _event("order.approved", order_id, at, changes)


def shipped(order_id: str = "o1", at: float = 3600, **changes: Any) -> dict[str, Any]:
    """The goods were handed over."""
    return _event("order.shipped", order_id, at, {"carrier": "SF", "tracking_number": "SF1234567890"} | changes)


def delivered(order_id: str = "o1", at: float = 86_400) -> dict[str, Any]:
    """The goods arrived."""
    return _event("order.delivered", order_id, at, {})


def cancelled(order_id: str = "o1", at: float = 1800) -> dict[str, Any]:
    """The order will not be fulfilled."""
    return _event("order.cancelled", order_id, at, {})


def refunded(order_id: str = "o1", at: float = 90_000, amount: str = "110.00") -> dict[str, Any]:
    """Money went back."""
    payment = {"payment_id": f"r-{order_id}-{at:g}", "method": "card", "amount": amount, "status": "refunded"}
    return _event("order.refunded", order_id, at, {"payments": [payment]})


def stock(sku: str = "S1", available: int = 5, at: float = 0) -> dict[str, Any]:
    """A stock level after a change."""
    moved = _event("inventory.updated", f"stock-{sku}", at, {"sku": sku, "available": available})
    return {key: value for key, value in moved.items() if key != "order_id"}


def encoded(event: dict[str, Any]) -> bytes:
    """The event as it lies in Kafka."""
    return msgspec.json.encode(event)
