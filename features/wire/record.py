"""Objects inside an event: the items of its lists, and the address."""

from __future__ import annotations

from typing import Final

import numpy as np

from features.wire import slots as slots_
from features.wire.arena import CREATED, DISCOUNTS, EVENTS, FAILURES, LINES, NO_TABLE, PAYMENTS, ROWS, write
from features.wire.digest import share
from features.wire.fields import COUNT, DISCOUNT, FIRST, LEAST, LINE, MOST, NULL, PARCEL_LINE, REQUIRED
from features.wire.kernel import compiled
from features.wire.member import behind, member, value
from features.wire.memory import Bytes, Ints, byte, cell, put
from features.wire.number import TOO_MUCH, minor
from features.wire.quoted import ODD
from features.wire.skip import null, skip
from features.wire.space import CLOSE_LIST, CLOSE_OBJECT, COMMA, OPEN_LIST, OPEN_OBJECT, token
from features.wire.tables import (
    HASH,
    LINE_ORDER,
    LINE_PRODUCT,
    LINE_QUANTITY,
    LINE_SKU,
    PAYMENT_AMOUNT_E4,
    PAYMENT_AT,
    SHIPMENT_DIGEST,
    SHIPMENT_PIECES,
)
from features.wire.units import NOT_RECEIVED, PAYMENT_EXPONENT
from features.wire.words import NONE, listed, place_in

_LINE: Final = slots_.LINE
_DISCOUNT: Final = slots_.DISCOUNT
_PAYMENT: Final = slots_.PAYMENT
_STATUS: Final = slots_.STATUS
_DEFAULTS: Final = slots_.DEFAULTS
_REGION_STARTS: Final = np.array(
    [0, slots_.LINE, slots_.DISCOUNT, slots_.PAYMENT, slots_.COUNTRY, slots_.LINE], np.int64
)
_REGION_ENDS: Final = np.array(
    [slots_.LINE, slots_.DISCOUNT, slots_.PAYMENT, slots_.SLOTS, slots_.ADDRESS_GIVEN, slots_.DISCOUNT], np.int64
)
_SHIPMENT: Final = slots_.SHIPMENT
_TABLE: Final = np.array([EVENTS, LINES, DISCOUNTS, PAYMENTS, NO_TABLE, NO_TABLE], np.int64)
_STATES, _STATE_LENGTH = listed(sorted(NOT_RECEIVED))


@compiled
def record(data: Bytes, i: int, end: int, checked: int, item: int, slots: Ints, follow: Ints) -> int:
    """Read the object at byte i, none of whose fields is a container, into its slots; behind it, or ODD."""
    for k in range(cell(_REGION_STARTS, item), cell(_REGION_ENDS, item)):
        put(slots, k, cell(_DEFAULTS, k))
    if byte(data, i) != OPEN_OBJECT:
        return ODD
    i = token(data, i + 1, end)
    first, last, seen, previous = cell(FIRST, item), cell(FIRST, item + 1), 0, COUNT + item
    while byte(data, i) != CLOSE_OBJECT:
        field, i = member(data, i, end, first, last, cell(follow, previous))
        if i == ODD:
            return ODD
        if field < 0:
            i = skip(data, i, end)
        else:
            bit = 1 << (field - first)
            if seen & bit:
                return ODD
            seen |= bit
            put(follow, previous, field)
            previous = field
            i = value(data, i, end, checked, field, slots)
        if i == ODD:
            return ODD
        i = behind(data, i, end)
        if i == ODD:
            return ODD
    required = REQUIRED[item, 0]
    return i + 1 if seen & required == required else ODD


@compiled
def items(
    data: Bytes,
    i: int,
    end: int,
    checked: int,
    field: int,
    item: int,
    arena: Ints,
    layout: Ints,
    slots: Ints,
    follow: Ints,
) -> int:
    """Read the list of a field, a row an item of that sort; behind it, or ODD."""
    if byte(data, i) != OPEN_LIST:
        return null(data, i) if cell(NULL, field) else ODD
    i = token(data, i + 1, end)
    count = 0
    if byte(data, i) == CLOSE_LIST:
        return i + 1 if cell(LEAST, field) == 0 else ODD
    while True:
        i = record(data, i, end, checked, item, slots, follow)
        count += 1
        if i == ODD or count > cell(MOST, field) or not _row(data, item, arena, layout, slots):
            return ODD
        i = token(data, i, end)
        if byte(data, i) == CLOSE_LIST:
            return i + 1
        if byte(data, i) != COMMA:
            return ODD
        i = token(data, i + 1, end)


@compiled
def _row(data: Bytes, item: int, arena: Ints, layout: Ints, slots: Ints) -> bool:
    """Make the item in the slots a row of its table, or add it to its parcel; False where it can't be one."""
    if item == PARCEL_LINE:
        quantity = slots[_LINE + LINE_QUANTITY]
        slots[_SHIPMENT + SHIPMENT_PIECES] += quantity
        slots[_SHIPMENT + SHIPMENT_DIGEST] += share(slots[_LINE + LINE_SKU + HASH], quantity)
        return True
    if item == LINE:
        slots[_LINE + LINE_ORDER] = layout[CREATED, ROWS]
        if slots[_LINE + LINE_PRODUCT + 1] == 0:
            for k in range(3):
                slots[_LINE + LINE_PRODUCT + k] = slots[_LINE + LINE_SKU + k]
    elif item == DISCOUNT:
        slots[_DISCOUNT] = layout[CREATED, ROWS]
    else:
        slots[_PAYMENT + PAYMENT_AT] = layout[EVENTS, ROWS]
        if place_in(data, slots[_STATUS], slots[_STATUS + 1], _STATES, _STATE_LENGTH) != NONE:
            return write(arena, layout, FAILURES, slots)
        amount = minor(slots[_PAYMENT + PAYMENT_AMOUNT_E4], PAYMENT_EXPONENT)
        slots[_PAYMENT + PAYMENT_AMOUNT_E4] = amount
        if amount == TOO_MUCH:
            return False
    return write(arena, layout, cell(_TABLE, item), slots)
