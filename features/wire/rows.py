"""An event that was read to its end -> its rows."""

from __future__ import annotations

from typing import Final

import numpy as np

from features.event import APPROVED as APPROVED_KIND
from features.event import CREATED as CREATED_KIND
from features.event import EVENT_TYPES
from features.event import INVENTORY as INVENTORY_KIND
from features.event import SHIPPED as SHIPPED_KIND
from features.wire import slots as slots_
from features.wire import tables
from features.wire.approval import approver
from features.wire.arena import CREATED, EVENTS, NO_TABLE, ROWS, SHIPMENTS, STOCK, write
from features.wire.digest import reduced
from features.wire.form import address_form, phone_form
from features.wire.kernel import compiled
from features.wire.memory import Bytes, Ints, cell
from features.wire.quoted import ODD
from features.wire.settle import settle
from features.wire.units import UNKNOWN as UNKNOWN_CURRENCY
from features.wire.units import known_exponent

PLAIN: Final = 1
NEW_CURRENCY: Final = 2
"""The message's currency is one whose decimals the scanner must be told first."""

_TABLE: Final = np.full(len(EVENT_TYPES), NO_TABLE, np.int64)
_TABLE[[CREATED_KIND, SHIPPED_KIND, INVENTORY_KIND]] = CREATED, SHIPMENTS, STOCK
_COUNTRY, _REGION = slots_.COUNTRY, slots_.REGION
_EVENT, _CREATED, _SHIPMENT, _STOCK = slots_.EVENT, slots_.CREATED, slots_.SHIPMENT, slots_.STOCK


@compiled
def rows(data: Bytes, kind: int, arena: Ints, layout: Ints, slots: Ints, exponents: Ints) -> int:
    """Write the event in the slots: PLAIN, NEW_CURRENCY or ODD. Its items have their rows already."""
    if kind == ODD:
        return ODD
    at = layout[EVENTS, ROWS]
    slots[_EVENT + tables.EVENT_KIND] = kind
    if kind == CREATED_KIND:
        exponent = known_exponent(exponents, slots[_CREATED + tables.CREATED_CURRENCY + tables.HASH])
        if exponent == UNKNOWN_CURRENCY:
            return NEW_CURRENCY
        if not settle(arena, layout, slots, exponent):
            return ODD
        _complete(data, slots, at, exponent)
    elif kind == SHIPPED_KIND:
        slots[_SHIPMENT] = at
        slots[_SHIPMENT + tables.SHIPMENT_DIGEST] = reduced(slots[_SHIPMENT + tables.SHIPMENT_DIGEST])
    elif kind == APPROVED_KIND:
        slots[_EVENT + tables.EVENT_APPROVER] = approver(data, slots)
    elif kind == INVENTORY_KIND:
        slots[_STOCK] = at
    for table in (EVENTS, cell(_TABLE, kind)):
        if table != NO_TABLE and not write(arena, layout, table, slots):
            return ODD
    return PLAIN


@compiled
def _complete(data: Bytes, slots: Ints, at: int, exponent: int) -> None:
    """The fields of an order placed that are made of others."""
    slots[_CREATED + tables.CREATED_AT] = at
    slots[_CREATED + tables.CREATED_EXPONENT] = exponent
    place = _REGION if slots[_REGION + 1] else _COUNTRY
    for k in range(3):
        slots[_CREATED + tables.CREATED_REGION + k] = slots[place + k]
    slots[_CREATED + tables.CREATED_ADDRESS_FORM] = address_form(data, slots)
    slots[_CREATED + tables.CREATED_PHONE_FORM] = phone_form(data, slots)
