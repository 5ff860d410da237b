"""What the columns of order events should hold, computed plainly from msgspec's objects; and what they do hold."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import msgspec
import numpy as np

from config.currency import exponent
from features.event import (
    KIND_OF,
    AnyEvent,
    InventoryUpdated,
    OrderApproved,
    OrderCreated,
    OrderPaid,
    OrderRefunded,
    OrderShipped,
    decode_event,
)
from features.money import NOT_GIVEN, Malformed
from features.wire import tables as wire
from features.wire.canonical import approval_of, canonical, contents_of
from features.wire.scan import scan
from features.wire.tables import Tables
from features.wire.text import hash_of

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PHONE = re.compile(r"\+?[0-9(][0-9 ()./\-]{4,20}[0-9]")
POSTAL_CODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z \-]{1,10}")
NOT_RECEIVED = {"failed", "declined", "pending", "voided", "cancelled", "authorized"}
Row = dict[str, Any]


def minor(written: str | float | None, decimals: int) -> int:
    """Minor units of an amount, by Python's decimals."""
    return NOT_GIVEN if written is None else int(Decimal(str(written)) * 10**decimals)


def milliseconds(moment: datetime) -> int:
    """Milliseconds since 1970, rounded half up."""
    return ((moment - EPOCH) // timedelta(microseconds=1) + 500) // 1000


def digest_of(items: Sequence[tuple[str, int]]) -> int:
    """What stands for so many pieces of each sku."""
    prime = 2**31 - 1
    return sum((hash_of(sku) & prime) * pieces for sku, pieces in items) % prime


def of_order(order: OrderCreated) -> Row:
    """What the columns of an order placed should hold."""
    known = exponent(order.currency)
    decimals = 2 if known is None else known
    address, items = order.shipping_address, order.line_items
    lines = [
        (
            item.sku,
            item.product_id or item.sku,
            item.seller_id or "",
            item.quantity,
            minor(item.price, decimals),
            minor(item.unit_cost, decimals),
        )
        for item in items
    ]
    discounts = [(one.promotion_id, one.code or "", minor(one.amount, decimals)) for one in order.discounts or []]
    costs = [cost for *_, cost in lines]
    form = phone = 0
    if address is not None:
        code = address.postal_code
        plausible = (address.region or address.city) and (code is None or POSTAL_CODE.fullmatch(code))
        form = 1 if plausible else 2
        if address.phone is not None:
            phone = 1 if PHONE.fullmatch(address.phone) else 2
    return {
        "texts": (
            order.channel,
            order.client_version or "",
            order.customer_id,
            order.currency,
            (address.region or address.country or "") if address is not None else "",
        ),
        "exponent": decimals,
        "amounts": tuple(minor(m, decimals) for m in (order.total_price, order.total_shipping, order.total_tax)),
        "goods": sum(price * quantity for *_, quantity, price, _ in lines),
        "discounted": sum(amount for *_, amount in discounts),
        "cost": NOT_GIVEN if NOT_GIVEN in costs else sum(q * cost for *_, q, _, cost in lines),
        "quantity": sum(item.quantity for item in items),
        "forms": (form, phone),
        "digest": digest_of([(item.sku, item.quantity) for item in items]),
        "lines": lines,
        "discounts": discounts,
    }


def of_event(event: AnyEvent) -> Row:
    """What the columns should hold, from msgspec's object."""
    row: Row = {
        "kind": KIND_OF[type(event)],
        "time_ms": milliseconds(event.occurred_at),
        "event_id": event.event_id,
        "order_id": "" if isinstance(event, InventoryUpdated) else event.order_id,
        "promised_ms": NOT_GIVEN,
        "approver": approval_of(event) if isinstance(event, OrderApproved) else 0,
    }
    if not isinstance(event, InventoryUpdated) and event.promised_at is not None:
        row["promised_ms"] = milliseconds(event.promised_at)
    if isinstance(event, OrderCreated):
        row |= of_order(event)
    elif isinstance(event, OrderPaid | OrderRefunded):
        received = [one for one in event.payments if (one.status or "").lower() not in NOT_RECEIVED]
        row["payments"] = [(one.payment_id, one.method, minor(one.amount, 4)) for one in received]
        row["failures"] = [(one.payment_id, one.method) for one in event.payments if one not in received]
    elif isinstance(event, OrderShipped):
        items = [(item.sku, item.quantity) for item in contents_of(event)]
        row["shipment"] = (event.carrier, event.tracking_number, sum(pieces for _, pieces in items), digest_of(items))
    elif isinstance(event, InventoryUpdated):
        row["stock"] = (event.sku, event.available)
    return row


class Reader:
    """The rows of some tables, by message."""

    def __init__(self, tables: Tables) -> None:
        """Keep them."""
        self.tables = tables
        self.raw = tables.data.tobytes()

    def text(self, table: np.ndarray[Any, Any], field: int, row: int) -> str:
        """A text, whose hash is checked on the way."""
        start, length, bits = table[field : field + 3, row].tolist()
        assert (start, bits) == (0, 0) if length == 0 else bits != 0
        text: str = msgspec.json.decode(b'"%s"' % self.raw[start : start + length])
        assert bits == hash_of(text)
        return text

    def rows(self) -> dict[int, Row]:
        """Message -> what its columns hold."""
        t = self.tables
        found: dict[int, Row] = {}
        of_row: list[Row] = []
        for i in range(t.events.shape[1]):
            message, kind, time_ms, promised_ms = t.events[: wire.EVENT_EVENT_ID, i].tolist()
            approver = int(t.events[wire.EVENT_APPROVER, i])
            found[message] = row = {
                "kind": kind,
                "time_ms": time_ms,
                "event_id": self.text(t.events, wire.EVENT_EVENT_ID, i),
                "order_id": self.text(t.events, wire.EVENT_ORDER_ID, i),
                "promised_ms": promised_ms,
                "approver": approver,
            }
            if row["kind"] in {1, 6}:
                row["payments"], row["failures"] = [], []
            of_row.append(row)
        orders = [self._order(of_row, i) for i in range(t.created.shape[1])]
        for i in range(t.lines.shape[1]):
            texts = [self.text(t.lines, field, i) for field in (wire.LINE_SKU, wire.LINE_PRODUCT, wire.LINE_SELLER)]
            orders[t.lines[0, i]]["lines"].append((*texts, *t.lines[wire.LINE_QUANTITY :, i].tolist()))
        for i in range(t.discounts.shape[1]):
            texts = [self.text(t.discounts, field, i) for field in (wire.DISCOUNT_PROMOTION, wire.DISCOUNT_CODE)]
            orders[t.discounts[0, i]]["discounts"].append((*texts, int(t.discounts[wire.DISCOUNT_AMOUNT, i])))
        for i in range(t.payments.shape[1]):
            texts = [self.text(t.payments, field, i) for field in (wire.PAYMENT_PAYMENT_ID, wire.PAYMENT_METHOD)]
            of_row[t.payments[0, i]]["payments"].append((*texts, int(t.payments[wire.PAYMENT_AMOUNT_E4, i])))
        for i in range(t.failures.shape[1]):
            texts = [self.text(t.failures, field, i) for field in (wire.PAYMENT_PAYMENT_ID, wire.PAYMENT_METHOD)]
            of_row[t.failures[0, i]]["failures"].append(tuple(texts))
        for i in range(t.shipments.shape[1]):
            fields = (wire.SHIPMENT_CARRIER, wire.SHIPMENT_TRACKING_NUMBER)
            held = t.shipments[wire.SHIPMENT_PIECES :, i].tolist()
            of_row[t.shipments[0, i]]["shipment"] = (*(self.text(t.shipments, field, i) for field in fields), *held)
        for i in range(t.stock.shape[1]):
            moved = self.text(t.stock, wire.STOCK_SKU, i), int(t.stock[wire.STOCK_AVAILABLE, i])
            of_row[t.stock[0, i]]["stock"] = moved
        return found

    def _order(self, of_row: list[Row], i: int) -> Row:
        order = self.tables.created[:, i]
        texts = ("CHANNEL", "CLIENT_VERSION", "CUSTOMER", "CURRENCY", "REGION")
        row: Row = of_row[order[wire.CREATED_AT]]
        row |= {
            "texts": tuple(self.text(self.tables.created, getattr(wire, f"CREATED_{name}"), i) for name in texts),
            "exponent": order[wire.CREATED_EXPONENT],
            "amounts": tuple(order[[wire.CREATED_TOTAL, wire.CREATED_SHIPPING, wire.CREATED_TAX]].tolist()),
            "goods": order[wire.CREATED_GOODS],
            "discounted": order[wire.CREATED_DISCOUNTED],
            "cost": order[wire.CREATED_COST],
            "quantity": order[wire.CREATED_QUANTITY],
            "forms": tuple(order[[wire.CREATED_ADDRESS_FORM, wire.CREATED_PHONE_FORM]].tolist()),
            "digest": order[wire.CREATED_DIGEST],
            "lines": [],
            "discounts": [],
        }
        return row


def accepted(value: bytes) -> AnyEvent | None:
    """The event, where msgspec and the checks of amounts accept it."""
    try:
        event = decode_event(value)
        canonical(event)
    except (msgspec.MsgspecError, Malformed, UnicodeDecodeError, RecursionError):
        return None
    return event


def check(values: Sequence[bytes]) -> float:
    """Hold the law against each message; the share of those accepted that the scanner read at once."""
    tables = scan(values)
    rows, events = Reader(tables).rows(), [accepted(value) for value in values]
    assert sorted(rows) == np.flatnonzero(tables.plain).tolist()
    for i, row in rows.items():
        event = events[i]
        assert event is not None, values[i]
        assert row == of_event(event), values[i]
    good = [event for event in events if event is not None]
    again = scan([canonical(event) for event in good], np.ones(len(good), np.bool_))
    assert again.plain.all(), [good[i] for i in np.flatnonzero(~again.plain)[:1]]
    for i, row in Reader(again).rows().items():
        assert row == of_event(good[i])
    return len(rows) / max(1, len(good))
