"""The fields of the contract's objects as tables that the scanner follows; they say what `features.event` says.

A name is matched by its bytes, two words of eight, what lies behind it masked out.
Field numbers run through all objects, those of an object next to one another.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from features.event import (
    APPROVED,
    CREATED,
    EVENT_TYPES,
    INVENTORY,
    MAX_LINES,
    MAX_QUANTITY,
    PAID,
    REFUNDED,
    SHIPPED,
)
from features.wire import slots, tables

TEXT, MONEY, INSTANT, WHOLE, KIND, ITEMS, ADDRESS_OBJECT = range(7)
LAST_SCALAR: Final = WHOLE
ROOT, LINE, DISCOUNT, PAYMENT, ADDRESS, PARCEL_LINE = range(6)

_EVERY: Final = (1 << len(EVENT_TYPES)) - 1
_ORDER: Final = _EVERY & ~(1 << INVENTORY)
_CREATED, _PAID, _SHIPPED, _INVENTORY = 1 << CREATED, 1 << PAID | 1 << REFUNDED, 1 << SHIPPED, 1 << INVENTORY
_TEXT, _LOOSE = 200, 1_000
_MATCHED: Final = 16  # bytes
_MOST_STOCK: Final = 10**12


class _Field(NamedTuple):
    """`kinds`: bits of the event types that have it; `least`, `most`: of a text's bytes, a number, or the items.

    `spared`: bits of the event types that may leave it out though it is `required`.
    """

    name: str
    action: int
    slot: int
    required: bool = True
    least: int = 0
    most: int = 0
    kinds: int = _EVERY
    null: bool = False
    item: int = ROOT
    spared: int = 0


def _text(name: str, slot: int, *, kinds: int = _EVERY, required: bool = True) -> _Field:
    return _Field(name, TEXT, slot, required, 1, _TEXT, kinds, null=not required)


def _loose(name: str, slot: int, *, kinds: int = _EVERY) -> _Field:
    return _Field(name, TEXT, slot, required=False, least=0, most=_LOOSE, kinds=kinds, null=True)


def _created(name: str, action: int, slot: int, *, required: bool = True) -> _Field:
    return _Field(name, action, slots.CREATED + slot, required, 1, _TEXT, _CREATED)


def _items(name: str, item: int, least: int, kinds: int, spared: int = 0) -> _Field:
    return _Field(name, ITEMS, 0, least > 0, least, MAX_LINES, kinds, null=least == 0, item=item, spared=spared)


_OBJECTS: Final = {
    ROOT: (
        _text("event_id", slots.EVENT + tables.EVENT_EVENT_ID),
        _Field("event_type", KIND, slots.EVENT + tables.EVENT_KIND),
        _Field("occurred_at", INSTANT, slots.EVENT + tables.EVENT_TIME_MS),
        _text("order_id", slots.EVENT + tables.EVENT_ORDER_ID, kinds=_ORDER),
        _created("channel", TEXT, tables.CREATED_CHANNEL),
        _loose("client_version", slots.CREATED + tables.CREATED_CLIENT_VERSION, kinds=_CREATED),
        _created("customer_id", TEXT, tables.CREATED_CUSTOMER),
        _created("currency", TEXT, tables.CREATED_CURRENCY),
        _items("line_items", LINE, 1, _CREATED | _SHIPPED, spared=_SHIPPED),  # of a parcel: PARCEL_LINE
        _items("discounts", DISCOUNT, 0, _CREATED),
        _created("total_shipping", MONEY, tables.CREATED_SHIPPING, required=False),
        _created("total_tax", MONEY, tables.CREATED_TAX, required=False),
        _created("total_price", MONEY, tables.CREATED_TOTAL),
        _Field(
            "shipping_address",
            ADDRESS_OBJECT,
            slots.ADDRESS_GIVEN,
            required=False,
            kinds=_CREATED,
            null=True,
            item=ADDRESS,
        ),
        _Field("promised_at", INSTANT, slots.EVENT + tables.EVENT_PROMISED_MS, required=False, kinds=_ORDER, null=True),
        _items("payments", PAYMENT, 1, _PAID),
        _Field("approved_by", TEXT, slots.APPROVED_BY, required=False, most=_LOOSE, kinds=1 << APPROVED),
        _text("carrier", slots.SHIPMENT + tables.SHIPMENT_CARRIER, kinds=_SHIPPED),
        _text("tracking_number", slots.SHIPMENT + tables.SHIPMENT_TRACKING_NUMBER, kinds=_SHIPPED),
        _text("sku", slots.STOCK + tables.STOCK_SKU, kinds=_INVENTORY),
        _Field(
            "available",
            WHOLE,
            slots.STOCK + tables.STOCK_AVAILABLE,
            least=-_MOST_STOCK,
            most=_MOST_STOCK,
            kinds=_INVENTORY,
        ),
    ),
    LINE: (
        _text("sku", slots.LINE + tables.LINE_SKU),
        _text("product_id", slots.LINE + tables.LINE_PRODUCT, required=False),
        _text("seller_id", slots.LINE + tables.LINE_SELLER, required=False),
        _Field("quantity", WHOLE, slots.LINE + tables.LINE_QUANTITY, least=1, most=MAX_QUANTITY),
        _Field("price", MONEY, slots.LINE + tables.LINE_PRICE),
        _Field("unit_cost", MONEY, slots.LINE + tables.LINE_UNIT_COST, required=False, null=True),
    ),
    DISCOUNT: (
        _text("promotion_id", slots.DISCOUNT + tables.DISCOUNT_PROMOTION),
        _loose("code", slots.DISCOUNT + tables.DISCOUNT_CODE),
        _Field("amount", MONEY, slots.DISCOUNT + tables.DISCOUNT_AMOUNT),
        _loose("type", slots.PROMOTION_TYPE),
    ),
    PAYMENT: (
        _text("payment_id", slots.PAYMENT + tables.PAYMENT_PAYMENT_ID),
        _text("method", slots.PAYMENT + tables.PAYMENT_METHOD),
        _Field("amount", MONEY, slots.PAYMENT + tables.PAYMENT_AMOUNT_E4),
        _loose("status", slots.STATUS),
    ),
    ADDRESS: (
        _loose("country", slots.COUNTRY),
        _loose("region", slots.REGION),
        _loose("city", slots.CITY),
        _loose("postal_code", slots.POSTAL_CODE),
        _loose("phone", slots.PHONE),
    ),
    PARCEL_LINE: (
        _text("sku", slots.LINE + tables.LINE_SKU),
        _Field("quantity", WHOLE, slots.LINE + tables.LINE_QUANTITY, least=1, most=MAX_QUANTITY),
    ),
}
_ALL: Final = tuple(field for fields in _OBJECTS.values() for field in fields)
_COUNTS: Final = [len(fields) for fields in _OBJECTS.values()]

COUNT: Final = len(_ALL)
FIRST: Final = np.concatenate([[0], np.cumsum(_COUNTS)]).astype(np.int64)
"""An object's fields are FIRST[object] up to FIRST[object + 1]."""
ACTION: Final = np.array([field.action for field in _ALL], np.int64)
SLOT: Final = np.array([field.slot for field in _ALL], np.int64)
LEAST: Final = np.array([field.least for field in _ALL], np.int64)
MOST: Final = np.array([field.most for field in _ALL], np.int64)
KINDS: Final = np.array([field.kinds for field in _ALL], np.int64)
NULL: Final = np.array([field.null for field in _ALL], np.bool_)
ITEM: Final = np.array([field.item for field in _ALL], np.int64)
NAME_LENGTH: Final = np.array([len(field.name) for field in _ALL], np.int64)


def _required(fields: tuple[_Field, ...], kind: int) -> int:
    return sum(1 << k for k, field in enumerate(fields) if field.required and (field.kinds & ~field.spared) >> kind & 1)


REQUIRED: Final = np.array(
    [[_required(fields, kind) for kind in range(len(EVENT_TYPES))] for fields in _OBJECTS.values()], np.int64
)
"""Bits of the fields, from the object's first on, that an object of an event of each kind must have."""


def words_of(text: bytes) -> list[int]:
    """The first two words of `text`, and the masks of its bytes in them."""
    return [
        int.from_bytes(part[8 * k : 8 * k + 8], "little")
        for part in (text.ljust(16, b"\0"), (b"\xff" * len(text)).ljust(16, b"\0"))
        for k in range(2)
    ]


_TAGS: Final = [str(cls.__struct_config__.tag).encode() for cls in EVENT_TYPES]
NAMES: Final = np.array([words_of(field.name.encode()) for field in _ALL], np.uint64).ravel()
TAGS: Final = np.array([words_of(tag) for tag in _TAGS], np.uint64).ravel()
TAG_LENGTH: Final = np.array([len(tag) for tag in _TAGS], np.int64)
TAG_LAST: Final = np.array([tag[-1] for tag in _TAGS], np.int64)
"""An event type's last byte is compared by itself: the longest has one byte more than two words."""
if max(NAME_LENGTH) > _MATCHED or max(TAG_LENGTH) > _MATCHED + 1:
    raise AssertionError("a name is longer than what is compared of it")
