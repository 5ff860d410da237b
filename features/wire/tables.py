"""What a scan gives: eight tables of 64-bit integers, a field a contiguous row.

A text takes three fields: START (its first byte in `Tables.data`), LENGTH in bytes, and HASH; an absent or empty
text is 0, 0, 0. Money is minor units of the order's currency, of payments ten thousandths of a unit; times are
milliseconds since 1970 UTC; an amount, a cost or a time that is not given is `features.money.NOT_GIVEN`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

START, LENGTH, HASH = 0, 1, 2

# An event: the index of its message, its code in `features.event.KIND_OF`; no order_id for a stock level.
# APPROVER: a code of `features.approver`, UNTOLD for all but approvals.
EVENT_MESSAGE: Final = 0
EVENT_KIND: Final = 1
EVENT_TIME_MS: Final = 2
EVENT_PROMISED_MS: Final = 3
EVENT_EVENT_ID: Final = 4
EVENT_ORDER_ID: Final = 7
EVENT_APPROVER: Final = 10
EVENT_FIELDS: Final = 11

# An order placed: AT is its row among the events; REGION is the address's region, or else its country.
# DIGEST: of what was ordered, by sku and quantity (`features.wire.digest`).
CREATED_AT: Final = 0
CREATED_CHANNEL: Final = 1
CREATED_CLIENT_VERSION: Final = 4
CREATED_CUSTOMER: Final = 7
CREATED_CURRENCY: Final = 10
CREATED_REGION: Final = 13
CREATED_EXPONENT: Final = 16
CREATED_TOTAL: Final = 17
CREATED_SHIPPING: Final = 18
CREATED_TAX: Final = 19
CREATED_GOODS: Final = 20
CREATED_DISCOUNTED: Final = 21
CREATED_COST: Final = 22
CREATED_QUANTITY: Final = 23
CREATED_BASKET: Final = 24
CREATED_ADDRESS_FORM: Final = 25
CREATED_PHONE_FORM: Final = 26
CREATED_DIGEST: Final = 27
CREATED_FIELDS: Final = 28

# A line item: ORDER is its row among the orders placed; PRODUCT is the product_id, or else the sku.
LINE_ORDER: Final = 0
LINE_SKU: Final = 1
LINE_PRODUCT: Final = 4
LINE_SELLER: Final = 7
LINE_QUANTITY: Final = 10
LINE_PRICE: Final = 11
LINE_UNIT_COST: Final = 12
LINE_FIELDS: Final = 13

DISCOUNT_ORDER: Final = 0
DISCOUNT_PROMOTION: Final = 1
DISCOUNT_AMOUNT: Final = 4
DISCOUNT_CODE: Final = 5
DISCOUNT_FIELDS: Final = 8

# A payment received or returned.
PAYMENT_AT: Final = 0
PAYMENT_PAYMENT_ID: Final = 1
PAYMENT_METHOD: Final = 4
PAYMENT_AMOUNT_E4: Final = 7
PAYMENT_FIELDS: Final = 8

# A payment in which no money has moved: the fields of a payment but for its amount, which nobody reads.
FAILURE_FIELDS: Final = PAYMENT_AMOUNT_E4

# A hand-over: the PIECES in the parcel and their DIGEST, as of an order placed; 0, 0 where the event does not say.
SHIPMENT_AT: Final = 0
SHIPMENT_CARRIER: Final = 1
SHIPMENT_TRACKING_NUMBER: Final = 4
SHIPMENT_PIECES: Final = 7
SHIPMENT_DIGEST: Final = 8
SHIPMENT_FIELDS: Final = 9

STOCK_AT: Final = 0
STOCK_SKU: Final = 1
STOCK_AVAILABLE: Final = 4
STOCK_FIELDS: Final = 5


@dataclass(slots=True)
class Tables:
    """The events of some messages.

    `data` : all messages, joined by line feeds.
    `plain` : for each message whether its rows are in the tables; an odd one has none.
    The others : shape (..._FIELDS, rows), in the order of the messages.
    """

    data: NDArray[np.uint8]
    plain: NDArray[np.bool_]
    events: NDArray[np.int64]
    created: NDArray[np.int64]
    lines: NDArray[np.int64]
    discounts: NDArray[np.int64]
    payments: NDArray[np.int64]
    shipments: NDArray[np.int64]
    stock: NDArray[np.int64]
    failures: NDArray[np.int64]
