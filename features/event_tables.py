"""What the events of a batch hold, a table each: orders placed, their lines and discounts, payments, parcels, stock.

`at` is a row's event in `features.batch.Batch`, `order` its row in `Created`. Money is int64 minor units, "not given"
is `NOT_GIVEN`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import groupby

from features.text import I64, Text


@dataclass(slots=True)
class Created:
    """Orders placed in this batch; `digest` stands for skus and pieces (`features.wire.digest`)."""

    at: I64
    channel: Text
    client_version: Text
    customer: Text
    currency: Text
    region: Text
    exponent: I64
    total_minor: I64
    shipping_minor: I64
    tax_minor: I64
    goods_minor: I64
    discount_minor: I64
    cost_minor: I64
    quantity: I64
    basket: I64
    address_form: I64
    phone_form: I64
    digest: I64

    def __len__(self) -> int:
        """Orders placed."""
        return len(self.at)


@dataclass(slots=True)
class Lines:
    """Line items of the orders placed."""

    order: I64
    sku: Text
    product: Text
    seller: Text
    quantity: I64
    price_minor: I64
    unit_cost_minor: I64


@dataclass(slots=True)
class Discounts:
    """Discounts of the orders placed, in the order of application."""

    order: I64
    promotion: Text
    code: Text
    amount_minor: I64
    _several: list[tuple[int, slice]] | None = field(default=None, repr=False)  # worked out once, when asked

    def several(self) -> list[tuple[int, slice]]:
        """Each order with two discounts or more, and where its discounts lie."""
        if self._several is None:
            with_next = (self.order[1:] == self.order[:-1]).nonzero()[0].tolist()
            groups = ((number, list(rows)) for number, rows in groupby(with_next, self.order.item))
            self._several = [(int(number), slice(rows[0], rows[-1] + 2)) for number, rows in groups]
        return self._several


@dataclass(slots=True)
class Payments:
    """Payments received (`order.paid`) or returned (`order.refunded`).

    A payment names no currency, so its amount stays in ten thousandths of a unit until it meets its order.
    """

    at: I64
    payment_id: Text
    method: Text
    amount_e4: I64


@dataclass(slots=True)
class Failures:
    """Payments of `order.paid` and `order.refunded` in which no money moved: failed, declined, voided, pending."""

    at: I64
    method: Text


@dataclass(slots=True)
class Shipments:
    """Hand-overs to a carrier: how many pieces the parcel holds, and their digest; 0, 0 where that is not said."""

    at: I64
    carrier: Text
    tracking_number: Text
    pieces: I64
    digest: I64


@dataclass(slots=True)
class Stock:
    """Stock levels after a change."""

    at: I64
    sku: Text
    available: I64
