"""Strings in JSON: to the closing quote, eight bytes at a time, escapes read strictly.

Every message is followed by a line feed, and the last one by a row of them: as no string may hold one, no loop over
a string can leave its message.
"""

from __future__ import annotations

import string as characters
from typing import Final

import numpy as np

from features.wire.kernel import compiled, inlined
from features.wire.memory import Bytes, byte, cell, word

ODD: Final = -1
QUOTE: Final = ord('"')
BACKSLASH: Final = ord("\\")
_ONES: Final = np.uint64(0x0101010101010101)
_HIGH: Final = np.uint64(0x8080808080808080)
_SPACES: Final = np.uint64(0x2020202020202020)
_QUOTES: Final = np.uint64(0x2222222222222222)
_BACKSLASHES: Final = np.uint64(0x5C5C5C5C5C5C5C5C)
_ONE, _SEVEN, _56 = np.uint64(1), np.uint64(7), np.uint64(56)

_HEX: Final = np.full(256, ODD, np.int64)
_HEX[[ord(digit) for digit in characters.hexdigits]] = [int(digit, 16) for digit in characters.hexdigits]
_LETTERS: Final = np.isin(np.arange(256), list(b'"\\/bfnrt'))
_UNICODE: Final = ord("u")
_FIRST_HALF, _LAST_HALF = 0xD800, 0xDFFF


@inlined
def stops(read: np.uint64) -> np.uint64:
    """Mark in each byte's highest bit what no string goes on with; of the marks the lowest is right."""
    quote, backslash = read ^ _QUOTES, read ^ _BACKSLASHES
    return (((quote - _ONES) & ~quote) | ((backslash - _ONES) & ~backslash) | ((read - _SPACES) & ~read)) & _HIGH


@inlined
def place(marks: np.uint64) -> int:
    """Which byte the lowest mark is in."""
    low = marks >> _SEVEN
    return np.int64(((((low & (~low + _ONE)) - _ONE) & _ONES) * _ONES) >> _56)  # type: ignore[return-value]  # compiled, the two are one


@compiled
def string(data: Bytes, i: int) -> int:
    """The place behind the closing quote of the string that byte i is in, or ODD."""
    while True:
        marks = stops(word(data, i))
        if marks == 0:
            i += 8
            continue
        i += place(marks)
        if byte(data, i) == QUOTE:
            return i + 1
        if byte(data, i) != BACKSLASH:
            return ODD
        i = _escape(data, i + 1)
        if i == ODD:
            return ODD


@compiled
def _escape(data: Bytes, i: int) -> int:
    r"""Behind the escape whose letter is byte i; halves of surrogate pairs (\ud800 to \udfff) are odd."""
    c = byte(data, i)
    if cell(_LETTERS, c):
        return i + 1
    if c != _UNICODE:
        return ODD
    code = 0
    for _ in range(4):
        i += 1
        digit = cell(_HEX, byte(data, i))
        if digit == ODD:
            return ODD
        code = 16 * code + digit
    return ODD if _FIRST_HALF <= code <= _LAST_HALF else i + 1
