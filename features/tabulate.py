"""Events -> columns: the one pass in Python over the fields of every event.

This is where personal data ends: of an address the country and region go on, of a phone number and the rest
only whether they are well formed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain
from typing import Final

import numpy as np

from config.currency import exponent
from features.batch import (
    ABSENT,
    I64,
    MALFORMED,
    WELL_FORMED,
    Batch,
    Created,
    Discounts,
    Lines,
    Payments,
    Shipments,
    Stock,
)
from features.event import (
    CREATED,
    INVENTORY,
    KIND_OF,
    PAID,
    REFUNDED,
    SHIPPED,
    Address,
    AnyEvent,
    InventoryUpdated,
    OrderCreated,
    OrderPaid,
    OrderRefunded,
    OrderShipped,
)
from features.money import NOT_GIVEN, Malformed, MinorUnits

NOT_RECEIVED: Final = frozenset({"failed", "declined", "pending", "voided", "cancelled", "authorized"})
"""Payment states in which no money has moved."""

UNKNOWN_CURRENCY_EXPONENT: Final = 2
_MOST_CURRENCIES: Final = 1_000
_MOST_MINOR: Final = 1e15  # a thousand such lines still sum within 64 bits
_NO_ADDRESS: Final = Address()
_PHONE = re.compile(r"\+?[0-9(][0-9 ()./\-]{4,20}[0-9]").fullmatch
_POSTAL_CODE = re.compile(r"[0-9A-Za-z][0-9A-Za-z \-]{1,10}").fullmatch
_TEN_THOUSANDTHS = MinorUnits(4)
_units: dict[str, MinorUnits] = {}


def units_of(currency: str) -> MinorUnits:
    """How amounts of this currency are read; an unknown one is read with two decimals (a rule reports it)."""
    units = _units.get(currency)
    if units is None:
        if len(_units) > _MOST_CURRENCIES:  # a flood of made-up currencies stays bounded
            _units.clear()
        known = exponent(currency)
        units = _units[currency] = MinorUnits(UNKNOWN_CURRENCY_EXPONENT if known is None else known)
    return units


def tabulate(events: Sequence[AnyEvent]) -> Batch:
    """Turn checked events into a `Batch`; raises `Malformed` where an amount can't be one."""
    kind = np.array([KIND_OF[type(event)] for event in events], np.int8)
    created_at = np.flatnonzero(kind == CREATED)
    created: list[OrderCreated] = [events[i] for i in created_at.tolist()]  # type: ignore[misc]  # by kind
    units = [units_of(order.currency) for order in created]
    lines = _lines(created, units)
    _check_sums(lines)
    discounts = _discounts(created, units)
    stock = _stock(events, np.flatnonzero(kind == INVENTORY))
    return Batch(
        event_id=[event.event_id for event in events],
        order_id=[getattr(event, "order_id", "") for event in events]
        if stock.at.size
        else [event.order_id for event in events],  # type: ignore[union-attr]  # no stock level among them
        kind=kind,
        time_ms=_milliseconds([event.occurred_at.timestamp() for event in events]),
        promised_ms=_promised(events),
        created=_created(created, units, created_at, lines, discounts),
        lines=lines,
        discounts=discounts,
        payments=_payments(events, np.flatnonzero((kind == PAID) | (kind == REFUNDED))),
        shipments=_shipments(events, np.flatnonzero(kind == SHIPPED)),
        stock=stock,
    )


def _milliseconds(seconds: list[float]) -> I64:
    return np.rint(np.array(seconds, np.float64) * 1000.0).astype(np.int64)


def _promised(events: Sequence[AnyEvent]) -> I64:
    promised = np.full(len(events), NOT_GIVEN)
    given = [i for i, event in enumerate(events) if getattr(event, "promised_at", None) is not None]
    if given:
        promised[given] = _milliseconds([events[i].promised_at.timestamp() for i in given])  # type: ignore[union-attr]  # given
    return promised


def _lines(created: list[OrderCreated], units: list[MinorUnits]) -> Lines:
    line_items = [order.line_items for order in created]
    counts = [len(items) for items in line_items]
    items = list(chain.from_iterable(line_items))
    unit = _one_a_line(units, counts)
    return Lines(
        order=np.repeat(np.arange(len(created)), counts),
        sku=[item.sku for item in items],
        product=[item.product_id or item.sku for item in items],
        seller=[item.seller_id or "" for item in items],
        quantity=np.array([item.quantity for item in items], np.int64),
        price_minor=_amounts(unit, [item.price for item in items]),
        unit_cost_minor=_amounts(unit, [item.unit_cost for item in items]),
    )


def _one_a_line(units: list[MinorUnits], counts: list[int]) -> list[MinorUnits]:
    """The units of each line's order."""
    if len(set(map(id, units))) == 1:
        return units[:1] * sum(counts)
    return [unit for unit, n in zip(units, counts, strict=True) for _ in range(n)]


def _check_sums(lines: Lines) -> None:
    """Refuse a line worth more than any amount may be, before its product overflows 64 bits."""
    cost = np.where(lines.unit_cost_minor == NOT_GIVEN, 0, lines.unit_cost_minor)
    worth = np.maximum(np.abs(lines.price_minor), np.abs(cost)).astype(np.float64) * lines.quantity
    if len(worth) and worth.max() > _MOST_MINOR:
        i = int(worth.argmax())
        each = max(abs(int(lines.price_minor[i])), abs(int(cost[i])))
        raise Malformed(f"line of {lines.quantity[i]} x {each} minor units is beyond {_MOST_MINOR:g}")


def _discounts(created: list[OrderCreated], units: list[MinorUnits]) -> Discounts:
    pairs = [(i, given) for i, order in enumerate(created) if order.discounts for given in order.discounts]
    amounts = [units[i][given.amount] for i, given in pairs]
    if amounts and min(amounts) < 0:
        worst = pairs[int(np.argmin(amounts))][1]
        raise Malformed(f"discount amount {worst.amount!r} of {worst.promotion_id!r} is below 0")
    return Discounts(
        order=np.array([i for i, _ in pairs], np.int64),
        promotion=[given.promotion_id for _, given in pairs],
        amount_minor=np.array(amounts, np.int64),
    )


def _sums(order: I64, values: I64, n: int) -> I64:
    """Exact sum of `values` per order; `order` is sorted."""
    totals = np.concatenate([[0], np.cumsum(values)])
    edges = np.searchsorted(order, np.arange(n + 1))
    return np.diff(totals[edges])


def _created(
    created: list[OrderCreated], units: list[MinorUnits], at: I64, lines: Lines, discounts: Discounts
) -> Created:
    n = len(created)
    addresses = [order.shipping_address or _NO_ADDRESS for order in created]
    cost_known = _sums(lines.order, (lines.unit_cost_minor == NOT_GIVEN).astype(np.int64), n) == 0
    cost = _sums(
        lines.order,
        np.where(lines.unit_cost_minor == NOT_GIVEN, 0, lines.unit_cost_minor) * lines.quantity,
        n,
    )
    return Created(
        at=at,
        channel=[order.channel for order in created],
        client_version=[order.client_version or "" for order in created],
        customer=[order.customer_id for order in created],
        currency=[order.currency for order in created],
        region=[address.region or address.country or "" for address in addresses],
        exponent=np.array([unit.exponent for unit in units], np.int64),
        total_minor=_amounts(units, [order.total_price for order in created]),
        shipping_minor=_amounts(units, [order.total_shipping for order in created]),
        tax_minor=_amounts(units, [order.total_tax for order in created]),
        goods_minor=_sums(lines.order, lines.price_minor * lines.quantity, n),
        discount_minor=_sums(discounts.order, discounts.amount_minor, n),
        cost_minor=np.where(cost_known, cost, NOT_GIVEN),
        quantity=_sums(lines.order, lines.quantity, n),
        address_form=np.array(list(map(_address_form, addresses)), np.int8),
        phone_form=np.array([_phone_form(address.phone) for address in addresses], np.int8),
    )


def _amounts(units: list[MinorUnits], written: Sequence[str | int | float | None]) -> I64:
    """Minor units of each amount; most shops have one currency, and then one look-up table serves all."""
    if len(set(map(id, units))) == 1:
        read = units[0].__getitem__
        return np.array(list(map(read, written)), np.int64)
    return np.array([unit[amount] for unit, amount in zip(units, written, strict=True)], np.int64)


def _address_form(address: Address) -> int:
    """An address that is given names at least a region or a city, and no postal code but a plausible one."""
    if address is _NO_ADDRESS:
        return ABSENT
    if not (address.region or address.city):
        return MALFORMED
    code = address.postal_code
    return WELL_FORMED if code is None or _POSTAL_CODE(code) else MALFORMED


def _phone_form(phone: str | None) -> int:
    if phone is None:
        return ABSENT
    return WELL_FORMED if _PHONE(phone) else MALFORMED


def _payments(events: Sequence[AnyEvent], at: I64) -> Payments:
    rows = [
        (i, payment)
        for i in at.tolist()
        if isinstance(event := events[i], OrderPaid | OrderRefunded)
        for payment in event.payments
        if (payment.status or "").lower() not in NOT_RECEIVED
    ]
    return Payments(
        at=np.array([i for i, _ in rows], np.int64),
        method=[payment.method for _, payment in rows],
        amount_e4=np.array([_TEN_THOUSANDTHS[payment.amount] for _, payment in rows], np.int64),
    )


def _shipments(events: Sequence[AnyEvent], at: I64) -> Shipments:
    shipped = [event for i in at.tolist() if isinstance(event := events[i], OrderShipped)]
    return Shipments(at, [event.carrier for event in shipped], [event.tracking_number for event in shipped])


def _stock(events: Sequence[AnyEvent], at: I64) -> Stock:
    moved = [event for i in at.tolist() if isinstance(event := events[i], InventoryUpdated)]
    return Stock(at, [event.sku for event in moved], np.array([event.available for event in moved], np.int64))
