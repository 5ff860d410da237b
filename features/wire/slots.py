"""Where the scanner puts the values of one message before they are rows: an array of integers, a region a table.

The regions of the tables come first, in the fields of their tables; behind each item's region, and behind those of
the event, are the places of values that are looked at but become no column.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from features.money import NOT_GIVEN
from features.wire import tables

EVENT: Final = 0
CREATED: Final = EVENT + tables.EVENT_FIELDS
SHIPMENT: Final = CREATED + tables.CREATED_FIELDS
STOCK: Final = SHIPMENT + tables.SHIPMENT_FIELDS
COUNTRY: Final = STOCK + tables.STOCK_FIELDS
REGION: Final = COUNTRY + 3
CITY: Final = REGION + 3
POSTAL_CODE: Final = CITY + 3
PHONE: Final = POSTAL_CODE + 3
ADDRESS_GIVEN: Final = PHONE + 3

APPROVED_BY: Final = ADDRESS_GIVEN + 1

LINE: Final = APPROVED_BY + 3
DISCOUNT: Final = LINE + tables.LINE_FIELDS
PROMOTION_TYPE: Final = DISCOUNT + tables.DISCOUNT_FIELDS
PAYMENT: Final = PROMOTION_TYPE + 3
STATUS: Final = PAYMENT + tables.PAYMENT_FIELDS
SLOTS: Final = STATUS + 3

REGIONS: Final = (EVENT, CREATED, LINE, DISCOUNT, PAYMENT, SHIPMENT, STOCK, PAYMENT)

ABSENT_START: Final = -1
"""Tells a postal code, phone number or approver that is absent from one that is empty."""

DEFAULTS: Final = np.zeros(SLOTS, np.int64)
DEFAULTS[[EVENT + tables.EVENT_PROMISED_MS, LINE + tables.LINE_UNIT_COST]] = NOT_GIVEN
DEFAULTS[[POSTAL_CODE, PHONE, APPROVED_BY]] = ABSENT_START
