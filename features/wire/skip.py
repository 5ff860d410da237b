"""A value that no column asks for: passed over, but read strictly."""

from __future__ import annotations

from typing import Final

import numpy as np

from features.wire.kernel import compiled, inlined
from features.wire.memory import Bytes, byte
from features.wire.quoted import ODD, QUOTE, string
from features.wire.space import CLOSE_LIST, CLOSE_OBJECT, COLON, COMMA, OPEN_LIST, OPEN_OBJECT, token

_NONE: Final = 1
_TOO_DEEP: Final = 1 << 17
_MOST_DIGITS: Final = 15
_ZERO, _MINUS, _POINT = ord("0"), ord("-"), ord(".")
_NULL: Final = np.frombuffer(b"null", np.uint8)
_TRUE: Final = np.frombuffer(b"true", np.uint8)
_FALSE: Final = np.frombuffer(b"false", np.uint8)


@compiled
def _literal(data: Bytes, i: int, letters: Bytes) -> int:
    for k in range(len(letters)):
        if byte(data, i + k) != letters[k]:
            return ODD
    return i + len(letters)


@compiled
def null(data: Bytes, i: int) -> int:
    """Behind the `null` at byte i."""
    return _literal(data, i, _NULL)


@compiled
def _digits(data: Bytes, i: int) -> int:
    while _ZERO <= byte(data, i) <= _ZERO + 9:
        i += 1
    return i


@compiled
def _number(data: Bytes, i: int) -> int:
    if byte(data, i) == _MINUS:
        i += 1
    start = i
    i = _digits(data, i)
    digits = i - start
    if digits == 0 or (digits > 1 and byte(data, start) == _ZERO):
        return ODD
    if byte(data, i) == _POINT:
        start = i + 1
        i = _digits(data, start)
        if i == start:
            return ODD
        digits += i - start
    return i if digits <= _MOST_DIGITS else ODD


@compiled
def _scalar(data: Bytes, i: int) -> int:
    c = byte(data, i)
    if c == QUOTE:
        return string(data, i + 1)
    if c == _NULL[0]:
        return _literal(data, i, _NULL)
    if c == _TRUE[0]:
        return _literal(data, i, _TRUE)
    if c == _FALSE[0]:
        return _literal(data, i, _FALSE)
    return _number(data, i)


@compiled
def _name(data: Bytes, i: int, end: int) -> int:
    """Behind the name and the colon of an object's member."""
    if byte(data, i) != QUOTE:
        return ODD
    i = string(data, i + 1)
    if i == ODD:
        return ODD
    i = token(data, i, end)
    return token(data, i + 1, end) if byte(data, i) == COLON else ODD


@inlined
def _closing(objects: int) -> int:
    return CLOSE_OBJECT if objects & 1 else CLOSE_LIST


@compiled
def _element(data: Bytes, i: int, end: int, objects: int) -> int:
    """Where the value begins of the innermost container's element at i."""
    return _name(data, i, end) if objects & 1 else i


@compiled
def _closed(data: Bytes, i: int, end: int, objects: int) -> tuple[int, int]:
    """Close containers while their ends stand at i; what is still open, and the token behind."""
    while objects != _NONE and byte(data, i) == _closing(objects):
        objects >>= 1
        i = token(data, i + 1, end) if objects != _NONE else i + 1
    return objects, i


@compiled
def skip(data: Bytes, i: int, end: int) -> int:
    """Behind the value at byte i; ODD where it is no strict JSON, too deep, or a number that msgspec might round.

    `objects` has a bit for each container that is open, the innermost lowest: 1 an object, 0 a list; above them a 1.
    """
    objects = _NONE
    while i != ODD:
        if byte(data, i) == OPEN_OBJECT or byte(data, i) == OPEN_LIST:
            objects = 2 * objects + (byte(data, i) == OPEN_OBJECT)
            i = token(data, i + 1, end)
            if byte(data, i) != _closing(objects):
                i = _element(data, i, end, objects) if objects < _TOO_DEEP else ODD
                continue
        else:
            i = _scalar(data, i)
            if i == ODD or objects == _NONE:
                return i
            i = token(data, i, end)
        objects, i = _closed(data, i, end, objects)
        if objects == _NONE:
            return i
        i = _element(data, token(data, i + 1, end), end, objects) if byte(data, i) == COMMA else ODD
    return ODD
