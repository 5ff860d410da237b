"""One message: its members into the slots, its items into rows."""

from __future__ import annotations

from typing import Final

from features.event import SHIPPED
from features.wire import slots as slots_
from features.wire.fields import (
    ACTION,
    COUNT,
    FIRST,
    ITEM,
    ITEMS,
    KIND,
    KINDS,
    LAST_SCALAR,
    PARCEL_LINE,
    REQUIRED,
    ROOT,
)
from features.wire.kernel import compiled
from features.wire.member import UNKNOWN, behind, member, tag, value
from features.wire.memory import Bytes, Ints, byte, cell, put
from features.wire.quoted import ODD
from features.wire.record import items, record
from features.wire.skip import null, skip
from features.wire.space import CLOSE_OBJECT, COMMA, OPEN_OBJECT, token

_DEFAULTS: Final = slots_.DEFAULTS
_OF_EVENT: Final = slots_.LINE
_GIVEN: Final = slots_.ADDRESS_GIVEN


@compiled
def event(data: Bytes, i: int, end: int, checked: int, arena: Ints, layout: Ints, slots: Ints, follow: Ints) -> int:
    """Read the message from byte i to `end` into the slots, its items into rows; its event type, or ODD."""
    for k in range(_OF_EVENT):
        put(slots, k, cell(_DEFAULTS, k))
    kind, seen, previous = UNKNOWN, 0, COUNT + ROOT
    first, last = cell(FIRST, ROOT), cell(FIRST, ROOT + 1)
    i = token(data, i, end)
    go_on = byte(data, i) == OPEN_OBJECT
    i = token(data, i + 1, end)
    while go_on:
        field, i = member(data, i, end, first, last, cell(follow, previous))
        if i == ODD:
            return ODD
        if field == UNKNOWN:
            i = skip(data, i, end)
        else:
            kind = _kind_ahead(data, i, end, cell(ACTION, field)) if kind == UNKNOWN else kind
            if kind == UNKNOWN or seen & (1 << field):
                return ODD
            seen |= 1 << field
            put(follow, previous, field)
            previous = field
            if cell(ACTION, field) <= LAST_SCALAR and cell(KINDS, field) >> kind & 1:
                i = value(data, i, end, checked, field, slots)
            else:
                i = _other(data, i, end, checked, kind, field, arena, layout, slots, follow)
        i = behind(data, i, end) if i != ODD else ODD
        go_on = i != ODD and byte(data, i) != CLOSE_OBJECT
    required = REQUIRED[ROOT, kind]
    return kind if i != ODD and seen & required == required and token(data, i + 1, end) == end else ODD


@compiled
def _other(
    data: Bytes,
    i: int,
    end: int,
    checked: int,
    kind: int,
    field: int,
    arena: Ints,
    layout: Ints,
    slots: Ints,
    follow: Ints,
) -> int:
    """Read the event type, a list or the address, or skip a field that events of this type do not have."""
    action = cell(ACTION, field)
    if not cell(KINDS, field) >> kind & 1:
        return skip(data, i, end)
    if action == ITEMS:
        item = PARCEL_LINE if kind == SHIPPED else cell(ITEM, field)
        return items(data, i, end, checked, field, item, arena, layout, slots, follow)
    if action == KIND:
        return tag(data, i)[1]
    if byte(data, i) != OPEN_OBJECT:
        return null(data, i)
    slots[_GIVEN] = 1
    return record(data, i, end, checked, cell(ITEM, field), slots, follow)


@compiled
def _kind_ahead(data: Bytes, i: int, end: int, action: int) -> int:
    """The event type: the value at i if that is its field's, or that of a later member; or UNKNOWN."""
    first, last = cell(FIRST, ROOT), cell(FIRST, ROOT + 1)
    while action != KIND:
        i = skip(data, i, end)
        if i == ODD:
            return UNKNOWN
        i = token(data, i, end)
        if byte(data, i) != COMMA:
            return UNKNOWN
        field, i = member(data, token(data, i + 1, end), end, first, last, first + 1)
        if i == ODD:
            return UNKNOWN
        action = cell(ACTION, field) if field != UNKNOWN else UNKNOWN
    return tag(data, i)[0]
