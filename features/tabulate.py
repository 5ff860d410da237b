"""Tables of numbers -> `Batch`: the columns by their names."""

from __future__ import annotations

from typing import Final

import numpy as np

from features.batch import I64, Batch
from features.event_tables import Created, Discounts, Failures, Lines, Payments, Shipments, Stock
from features.text import Text
from features.wire import tables as wire
from features.wire.scan import scan
from features.wire.tables import Tables


def nothing() -> Batch:
    """A batch without events."""
    return tabulate(scan([]))


def tabulate(tables: Tables) -> Batch:
    """The columns of the events that were read. Nothing is copied: a column is a row of its table."""
    events = tables.events
    return Batch(
        event_id=_text(tables, events, wire.EVENT_EVENT_ID),
        order_id=_text(tables, events, wire.EVENT_ORDER_ID),
        kind=events[wire.EVENT_KIND].astype(np.int8),
        time_ms=events[wire.EVENT_TIME_MS],
        promised_ms=events[wire.EVENT_PROMISED_MS],
        approver=events[wire.EVENT_APPROVER],
        created=_created(tables),
        lines=_lines(tables),
        discounts=_discounts(tables),
        payments=_payments(tables) if tables.payments.size else _NO_PAYMENTS,
        shipments=_shipments(tables) if tables.shipments.size else _NO_SHIPMENTS,
        stock=_stock(tables) if tables.stock.size else _NO_STOCK,
        failures=_failures(tables) if tables.failures.size else _NO_FAILURES,
    )


def _text(tables: Tables, table: I64, field: int) -> Text:
    return Text(tables.data, table[field], table[field + 1], table[field + 2])


def _created(tables: Tables) -> Created:
    rows = tables.created
    return Created(
        at=rows[wire.CREATED_AT],
        channel=_text(tables, rows, wire.CREATED_CHANNEL),
        client_version=_text(tables, rows, wire.CREATED_CLIENT_VERSION),
        customer=_text(tables, rows, wire.CREATED_CUSTOMER),
        currency=_text(tables, rows, wire.CREATED_CURRENCY),
        region=_text(tables, rows, wire.CREATED_REGION),
        exponent=rows[wire.CREATED_EXPONENT],
        total_minor=rows[wire.CREATED_TOTAL],
        shipping_minor=rows[wire.CREATED_SHIPPING],
        tax_minor=rows[wire.CREATED_TAX],
        goods_minor=rows[wire.CREATED_GOODS],
        discount_minor=rows[wire.CREATED_DISCOUNTED],
        cost_minor=rows[wire.CREATED_COST],
        quantity=rows[wire.CREATED_QUANTITY],
        basket=rows[wire.CREATED_BASKET],
        address_form=rows[wire.CREATED_ADDRESS_FORM],
        phone_form=rows[wire.CREATED_PHONE_FORM],
        digest=rows[wire.CREATED_DIGEST],
    )


def _lines(tables: Tables) -> Lines:
    rows = tables.lines
    return Lines(
        order=rows[wire.LINE_ORDER],
        sku=_text(tables, rows, wire.LINE_SKU),
        product=_text(tables, rows, wire.LINE_PRODUCT),
        seller=_text(tables, rows, wire.LINE_SELLER),
        quantity=rows[wire.LINE_QUANTITY],
        price_minor=rows[wire.LINE_PRICE],
        unit_cost_minor=rows[wire.LINE_UNIT_COST],
    )


def _discounts(tables: Tables) -> Discounts:
    rows = tables.discounts
    return Discounts(
        order=rows[wire.DISCOUNT_ORDER],
        promotion=_text(tables, rows, wire.DISCOUNT_PROMOTION),
        code=_text(tables, rows, wire.DISCOUNT_CODE),
        amount_minor=rows[wire.DISCOUNT_AMOUNT],
    )


def _payments(tables: Tables) -> Payments:
    rows = tables.payments
    return Payments(
        at=rows[wire.PAYMENT_AT],
        payment_id=_text(tables, rows, wire.PAYMENT_PAYMENT_ID),
        method=_text(tables, rows, wire.PAYMENT_METHOD),
        amount_e4=rows[wire.PAYMENT_AMOUNT_E4],
    )


def _shipments(tables: Tables) -> Shipments:
    rows = tables.shipments
    return Shipments(
        at=rows[wire.SHIPMENT_AT],
        carrier=_text(tables, rows, wire.SHIPMENT_CARRIER),
        tracking_number=_text(tables, rows, wire.SHIPMENT_TRACKING_NUMBER),
        pieces=rows[wire.SHIPMENT_PIECES],
        digest=rows[wire.SHIPMENT_DIGEST],
    )


def _stock(tables: Tables) -> Stock:
    rows = tables.stock
    return Stock(
        at=rows[wire.STOCK_AT],
        sku=_text(tables, rows, wire.STOCK_SKU),
        available=rows[wire.STOCK_AVAILABLE],
    )


def _failures(tables: Tables) -> Failures:
    rows = tables.failures
    return Failures(at=rows[wire.PAYMENT_AT], method=_text(tables, rows, wire.PAYMENT_METHOD))


_EMPTY: Final = scan([])
_NO_PAYMENTS: Final = _payments(_EMPTY)
_NO_SHIPMENTS: Final = _shipments(_EMPTY)
_NO_STOCK: Final = _stock(_EMPTY)
_NO_FAILURES: Final = _failures(_EMPTY)
"""Of most batches one or two kinds of table are empty; these are shared, since nobody writes to a batch's tables."""
