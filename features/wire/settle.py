"""An order's amounts in minor units, once its currency is known, and the sums over its lines and discounts."""

from __future__ import annotations

from typing import Final

import numpy as np

from features.money import NOT_GIVEN
from features.wire import slots as slots_
from features.wire import tables
from features.wire.arena import BASE, DISCOUNTS, LINES, ROOM, ROWS, SAVED
from features.wire.digest import reduced, share
from features.wire.kernel import compiled
from features.wire.memory import Ints
from features.wire.number import TOO_MUCH, minor
from features.wire.tables import HASH
from features.wire.text import finished

MOST_MINOR: Final = 1e15
"""A line may be worth so much: a thousand such lines still sum within 64 bits."""

_GOLDEN: Final = np.uint64(0x9E3779B97F4A7C15)
_TOTAL: Final = slots_.CREATED + tables.CREATED_TOTAL
_SHIPPING: Final = slots_.CREATED + tables.CREATED_SHIPPING
_TAX: Final = slots_.CREATED + tables.CREATED_TAX
_GOODS: Final = slots_.CREATED + tables.CREATED_GOODS
_DISCOUNTED: Final = slots_.CREATED + tables.CREATED_DISCOUNTED
_COST: Final = slots_.CREATED + tables.CREATED_COST
_QUANTITY: Final = slots_.CREATED + tables.CREATED_QUANTITY
_BASKET: Final = slots_.CREATED + tables.CREATED_BASKET
_DIGEST: Final = slots_.CREATED + tables.CREATED_DIGEST


@compiled
def mix(bits: int, quantity: int) -> int:
    """What a line adds to its basket: 64 bits of its sku's hash and its quantity."""
    return np.int64(finished(np.uint64(bits) ^ (np.uint64(quantity) * _GOLDEN)))  # type: ignore[return-value]  # compiled, the two are one


@compiled
def settle(arena: Ints, layout: Ints, slots: Ints, exponent: int) -> bool:
    """Settle the order in the slots and its rows in the arena; False where an amount can't be one."""
    for k in (_TOTAL, _SHIPPING, _TAX):
        slots[k] = minor(slots[k], exponent)
        if slots[k] == TOO_MUCH:
            return False
    return _lines(arena, layout, slots, exponent) and _discounts(arena, layout, slots, exponent)


@compiled
def _lines(arena: Ints, layout: Ints, slots: Ints, exponent: int) -> bool:
    base, room = layout[LINES, BASE], layout[LINES, ROOM]
    goods, cost, pieces, basket, digest, cost_known = 0, 0, 0, 0, 0, True
    for row in range(base + layout[LINES, SAVED], base + layout[LINES, ROWS]):
        quantity = arena[row + tables.LINE_QUANTITY * room]
        price = minor(arena[row + tables.LINE_PRICE * room], exponent)
        each = minor(arena[row + tables.LINE_UNIT_COST * room], exponent)
        if TOO_MUCH in (price, each):
            return False
        arena[row + tables.LINE_PRICE * room], arena[row + tables.LINE_UNIT_COST * room] = price, each
        if each == NOT_GIVEN:
            each, cost_known = 0, False
        if np.float64(max(abs(price), abs(each))) * np.float64(quantity) > MOST_MINOR:
            return False
        goods += price * quantity
        cost += each * quantity
        pieces += quantity
        sku = arena[row + (tables.LINE_SKU + HASH) * room]
        basket += mix(sku, quantity)
        digest += share(sku, quantity)
    slots[_GOODS], slots[_COST] = goods, cost if cost_known else NOT_GIVEN
    slots[_QUANTITY], slots[_BASKET], slots[_DIGEST] = pieces, basket, reduced(digest)
    return True


@compiled
def _discounts(arena: Ints, layout: Ints, slots: Ints, exponent: int) -> bool:
    base, room = layout[DISCOUNTS, BASE], layout[DISCOUNTS, ROOM]
    total = 0
    for row in range(base + layout[DISCOUNTS, SAVED], base + layout[DISCOUNTS, ROWS]):
        amount = minor(arena[row + tables.DISCOUNT_AMOUNT * room], exponent)
        if amount < 0:  # TOO_MUCH is below 0 as well
            return False
        arena[row + tables.DISCOUNT_AMOUNT * room] = amount
        total += amount
    slots[_DISCOUNTED] = total
    return True
