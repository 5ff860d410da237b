"""An event that `features.event` accepted -> the plain form in which the scanner reads it.

Only what becomes a column is written. Amounts are written in the fewest digits, in the units in which they are read.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

import msgspec

from features.approver import NAMED, STAND_INS, UNTOLD, approver_of
from features.event import (
    MAX_LINES,
    Address,
    AnyEvent,
    Discount,
    InventoryUpdated,
    LineItem,
    OrderApproved,
    OrderCreated,
    OrderPaid,
    OrderRefunded,
    OrderShipped,
    Payment,
    ShippedItem,
    type_name,
)
from features.money import NOT_GIVEN, Malformed, MinorUnits
from features.wire.settle import MOST_MINOR
from features.wire.units import NOT_RECEIVED, TEN_THOUSANDTHS, units_of

_encode: Final = msgspec.json.Encoder().encode
_parcel: Final = msgspec.json.Decoder(Annotated[list[ShippedItem], msgspec.Meta(max_length=MAX_LINES)])
_SOMEBODY: Final = "+"
Written = str | int | float | None


def canonical(event: AnyEvent) -> bytes:
    """The event's columns as JSON that `scan` accepts where it is `checked`.

    Raises `features.money.Malformed` where an amount can't be one.
    """
    fields: dict[str, Any] = {
        "event_id": event.event_id,
        type_name: event.__struct_config__.tag,
        "occurred_at": event.occurred_at.isoformat(),
    }
    if isinstance(event, InventoryUpdated):
        return _encode(fields | {"sku": event.sku, "available": event.available})
    fields["order_id"] = event.order_id
    if event.promised_at is not None:
        fields["promised_at"] = event.promised_at.isoformat()
    if isinstance(event, OrderCreated):
        fields |= _created(event)
    elif isinstance(event, OrderPaid | OrderRefunded):
        fields["payments"] = [_payment(payment) for payment in event.payments]
    elif isinstance(event, OrderShipped):
        fields |= {"carrier": event.carrier, "tracking_number": event.tracking_number}
        if items := contents_of(event):
            fields["line_items"] = items
    elif isinstance(event, OrderApproved) and (code := approval_of(event)) != UNTOLD:
        fields["approved_by"] = "" if code < NAMED else (_SOMEBODY, *STAND_INS)[code - NAMED]
    return _encode(fields)


def contents_of(event: OrderShipped) -> list[ShippedItem]:
    """What a parcel holds; nothing where the event does not say it, or not in the form of an order's lines."""
    try:
        return _parcel.decode(event.line_items) if event.line_items else []
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return []


def approval_of(event: OrderApproved) -> int:
    """Who approved the order, as a code; what can't be read names somebody."""
    try:
        return approver_of(msgspec.json.decode(event.approved_by)) if event.approved_by else UNTOLD
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return NAMED


def _amount(written: Written, units: MinorUnits) -> str:
    """An amount in decimals without superfluous zeros; raises `Malformed`.

    >>> [_amount(written, MinorUnits(2)) for written in ("199.00", 0.5, "-1e1")]
    ['199', '0.5', '-10']
    """
    minor = units[written]
    whole, rest = divmod(abs(minor), 10**units.exponent)
    decimals = f"{rest:0{units.exponent}}".rstrip("0") if rest else ""
    return f"{'-' if minor < 0 else ''}{whole}{'.' if decimals else ''}{decimals}"


def _created(order: OrderCreated) -> dict[str, Any]:
    units = units_of(order.currency)
    fields: dict[str, Any] = {
        "channel": order.channel,
        "customer_id": order.customer_id,
        "currency": order.currency,
        "line_items": _lines(order.line_items, units),
        "discounts": _discounts(order, units),
        "total_price": _amount(order.total_price, units),
        "total_shipping": _amount(order.total_shipping, units),
        "total_tax": _amount(order.total_tax, units),
    }
    if order.client_version:
        fields["client_version"] = order.client_version
    if order.shipping_address is not None:
        fields["shipping_address"] = _address(order.shipping_address)
    return fields


def _lines(items: list[LineItem], units: MinorUnits) -> list[dict[str, Any]]:
    prices = [units[item.price] for item in items]
    costs = [units[item.unit_cost] for item in items]
    each = [max(abs(price), 0 if cost == NOT_GIVEN else abs(cost)) for price, cost in zip(prices, costs, strict=True)]
    worth = [float(most) * item.quantity for most, item in zip(each, items, strict=True)]
    worst = max(range(len(items)), key=worth.__getitem__)
    if worth[worst] > MOST_MINOR:
        line = f"line of {items[worst].quantity} x {each[worst]} minor units"
        raise Malformed(f"{line} is beyond {MOST_MINOR:g}")
    return [_line(item, units) for item in items]


def _line(item: LineItem, units: MinorUnits) -> dict[str, Any]:
    fields: dict[str, Any] = {"sku": item.sku, "quantity": item.quantity, "price": _amount(item.price, units)}
    if item.product_id is not None:
        fields["product_id"] = item.product_id
    if item.seller_id is not None:
        fields["seller_id"] = item.seller_id
    if item.unit_cost is not None:
        fields["unit_cost"] = _amount(item.unit_cost, units)
    return fields


def _discounts(order: OrderCreated, units: MinorUnits) -> list[dict[str, Any]]:
    given = order.discounts or []
    amounts = [units[discount.amount] for discount in given]
    if amounts and min(amounts) < 0:
        worst = given[amounts.index(min(amounts))]
        raise Malformed(f"discount amount {worst.amount!r} of {worst.promotion_id!r} is below 0")
    return [_discount(one, units) for one in given]


def _discount(one: Discount, units: MinorUnits) -> dict[str, Any]:
    fields: dict[str, Any] = {"promotion_id": one.promotion_id, "amount": _amount(one.amount, units)}
    return fields | {"code": one.code} if one.code else fields


def _address(address: Address) -> dict[str, Any]:
    fields = ("country", "region", "city", "postal_code", "phone")
    return {name: value for name in fields if (value := getattr(address, name)) is not None}


def _payment(payment: Payment) -> dict[str, Any]:
    """Of a payment in which no money has moved the amount is not read."""
    fields: dict[str, Any] = {"payment_id": payment.payment_id, "method": payment.method}
    if (payment.status or "").lower() in NOT_RECEIVED:
        return fields | {"amount": "0", "status": min(NOT_RECEIVED)}
    return fields | {"amount": _amount(payment.amount, TEN_THOUSANDTHS)}
