"""One member of an object: its name, and a value that is no container."""

from __future__ import annotations

from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.wire.fields import (
    ACTION,
    INSTANT,
    LEAST,
    MONEY,
    MOST,
    NAME_LENGTH,
    NAMES,
    NULL,
    SLOT,
    TAG_LAST,
    TAG_LENGTH,
    TAGS,
    TEXT,
    WHOLE,
)
from features.wire.instant import instant
from features.wire.kernel import compiled, inlined
from features.wire.memory import Bytes, Ints, bits, byte, cell, word
from features.wire.number import money, whole
from features.wire.quoted import BACKSLASH, ODD, QUOTE, string
from features.wire.skip import null
from features.wire.space import CLOSE_OBJECT, COLON, COMMA, token
from features.wire.text import text

UNKNOWN: Final = -1
_NULL_STARTS: Final = ord("n")


@inlined
def _same(data: Bytes, i: int, known: NDArray[np.uint64], k: int) -> bool:
    """Whether the sixteen bytes from i on are those of text k of `known`, as far as it goes."""
    k *= 4
    differ = (word(data, i) ^ bits(known, k)) & bits(known, k + 2)
    differ |= (word(data, i + 8) ^ bits(known, k + 1)) & bits(known, k + 3)
    return bool(differ == 0)


@inlined
def _named(data: Bytes, i: int, field: int) -> bool:
    """Whether the name of the field stands at i."""
    return byte(data, i + cell(NAME_LENGTH, field)) == QUOTE and _same(data, i, NAMES, field)


@compiled
def _searched(data: Bytes, i: int, first: int, last: int) -> int:
    for field in range(first, last):
        if _named(data, i, field):
            return field
    return UNKNOWN


@compiled
def _unknown_name(data: Bytes, i: int) -> int:
    """Behind a name that is no field's; one that is written with escapes may be a field's after all."""
    end = string(data, i)
    for k in range(i, end):
        if byte(data, k) == BACKSLASH:
            return ODD
    return end


@inlined
def member(data: Bytes, i: int, end: int, first: int, last: int, guess: int) -> tuple[int, int]:
    """The field (first to last - 1, or UNKNOWN) whose name stands at i, and where its value begins, or ODD.

    `guess` is tried first: a producer writes its fields in one order.
    """
    if byte(data, i) != QUOTE:
        return UNKNOWN, ODD
    i += 1
    field = guess
    if not _named(data, i, field):
        field = _searched(data, i, first, last)
    if field == UNKNOWN:
        i = _unknown_name(data, i)
        if i == ODD:
            return UNKNOWN, ODD
    else:
        i += cell(NAME_LENGTH, field) + 1
    if byte(data, i) != COLON:
        i = token(data, i, end)
        if byte(data, i) != COLON:
            return UNKNOWN, ODD
    return field, token(data, i + 1, end)


@inlined
def behind(data: Bytes, i: int, end: int) -> int:
    """Where, after a value that ends at i, the next member's name or the object's last brace stands, or ODD."""
    if byte(data, i) != COMMA:
        i = token(data, i, end)
        if byte(data, i) == CLOSE_OBJECT:
            return i
        if byte(data, i) != COMMA:
            return ODD
    i += 1
    if byte(data, i) != QUOTE:
        i = token(data, i, end)
    return i if byte(data, i) == QUOTE else ODD


@inlined
def value(data: Bytes, i: int, end: int, checked: int, field: int, slots: Ints) -> int:
    """Read the value of a field into its slots; where it goes on, or ODD."""
    action, at = cell(ACTION, field), cell(SLOT, field)
    if action == TEXT and byte(data, i) == QUOTE:
        i = text(data, i + 1, checked, slots, at)
        length = cell(slots, at + 1)
        return ODD if length < cell(LEAST, field) or (length > cell(MOST, field) and not checked) else i
    if byte(data, i) == _NULL_STARTS:
        return null(data, i) if cell(NULL, field) else ODD
    if action == MONEY:
        return money(data, i, slots, at)
    if action == WHOLE:
        return whole(data, i, cell(LEAST, field), cell(MOST, field), slots, at)
    return instant(data, i, end, slots, at) if action == INSTANT else ODD


@compiled
def tag(data: Bytes, i: int) -> tuple[int, int]:
    """The event type that stands at i, as its code, and where it ends; UNKNOWN, ODD where there is none."""
    if byte(data, i) != QUOTE:
        return UNKNOWN, ODD
    for kind in range(len(TAG_LENGTH)):
        end = i + 1 + cell(TAG_LENGTH, kind)
        if byte(data, end) == QUOTE and byte(data, end - 1) == cell(TAG_LAST, kind) and _same(data, i + 1, TAGS, kind):
            return kind, end + 1
    return UNKNOWN, ODD
