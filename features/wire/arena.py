"""All tables in one block of memory while they are filled: the scanner carries one array instead of eight.

`layout` has a row a table: where it starts in the block, the room of each of its fields, how many fields it has,
how many rows are filled, and how many were filled before the message at hand.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from features.wire import tables
from features.wire.kernel import compiled
from features.wire.memory import Ints, cell, put
from features.wire.slots import REGIONS

BASE, ROOM, FIELDS, ROWS, SAVED = range(5)
EVENTS, CREATED, LINES, DISCOUNTS, PAYMENTS, SHIPMENTS, STOCK, FAILURES = range(8)
TABLES: Final = 8
NO_TABLE: Final = -1

_FIELDS: Final = (
    tables.EVENT_FIELDS,
    tables.CREATED_FIELDS,
    tables.LINE_FIELDS,
    tables.DISCOUNT_FIELDS,
    tables.PAYMENT_FIELDS,
    tables.SHIPMENT_FIELDS,
    tables.STOCK_FIELDS,
    tables.FAILURE_FIELDS,
)
_REGIONS: Final = np.array(REGIONS, np.int64)
_SHORTEST: Final = {
    LINES: len('{"sku":"s","quantity":1,"price":1},'),
    DISCOUNTS: len('{"promotion_id":"p","amount":1},'),
    PAYMENTS: len('{"payment_id":"p","method":"m","amount":1},'),
    FAILURES: len('{"payment_id":"p","method":"m","amount":1},'),
}
_CACHE_WAYS: Final = 512  # words; fields so many apart share the lines of a cache, so they are kept off that distance


def arena_of(messages: int, size: int) -> tuple[Ints, Ints]:
    """Room for whatever `messages` of `size` bytes together can hold, and its layout."""
    base, layout = 0, []
    for table, fields in enumerate(_FIELDS):
        room = _spread(size // _SHORTEST[table] + 1 if table in _SHORTEST else messages)
        layout.append((base, room, fields, 0, 0))
        base += room * fields
    return np.empty(base, np.int64), np.array(layout, np.int64)


def _spread(room: int) -> int:
    """Room for so many rows, or a bit more; of few, all fields lie together in the nearest cache."""
    return room if room < _CACHE_WAYS // 2 else (room // _CACHE_WAYS + 1) * _CACHE_WAYS + 24


def filled(arena: Ints, layout: Ints) -> list[Ints]:
    """The rows of each table, as views."""
    return [
        arena[base : base + fields * room].reshape(fields, room)[:, :rows]
        for base, room, fields, rows, _ in layout.tolist()
    ]


@compiled
def write(arena: Ints, layout: Ints, table: int, slots: Ints) -> bool:
    """Append the region of a table to it; False where it is full."""
    row, room = layout[table, ROWS], layout[table, ROOM]
    if row >= room:
        return False
    place, first = layout[table, BASE] + row, cell(_REGIONS, table)
    for k in range(first, first + layout[table, FIELDS]):
        put(arena, place, cell(slots, k))
        place += room
    layout[table, ROWS] = row + 1
    return True
