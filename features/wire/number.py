"""Numbers in JSON, exactly: whole ones, and money as mantissa and decimals until its currency is known."""

from __future__ import annotations

from typing import Final

import numpy as np

from features.money import MAX_UNITS, NOT_GIVEN
from features.wire.kernel import compiled, inlined
from features.wire.memory import Bytes, Ints, byte, cell
from features.wire.quoted import ODD, QUOTE

_NINE: Final = 9
_ZERO, _MINUS, _POINT = ord("0"), ord("-"), ord(".")
_MOST_DIGITS: Final = 15  # every decimal of so many digits survives a binary fraction, which is how msgspec reads it
_DECIMALS_BITS: Final = 4
TOO_MUCH: Final = NOT_GIVEN + 1
"""Stands for an amount that can't be one of its currency."""
_POWER: Final = np.array([10**k for k in range(17)], np.int64)


@inlined
def digit(data: Bytes, i: int) -> int:
    """The digit that byte i is, below 0 where it is none."""
    d = byte(data, i) - _ZERO
    return d if d <= _NINE else -1


@inlined
def money(data: Bytes, i: int, slots: Ints, at: int) -> int:
    """Read an amount, a string or a number, into slots[at] as mantissa x 16 + decimals."""
    quoted = byte(data, i) == QUOTE
    if quoted:
        i += 1
    minus = byte(data, i) == _MINUS
    if minus:
        i += 1
    start, mantissa, decimals = i, 0, 0
    d = digit(data, i)
    while d >= 0:
        mantissa = 10 * mantissa + d
        i += 1
        d = digit(data, i)
    digits = i - start
    if digits == 0 or (digits > 1 and not quoted and byte(data, start) == _ZERO):
        return ODD
    if byte(data, i) == _POINT:
        i += 1
        start = i
        d = digit(data, i)
        while d >= 0:
            mantissa = 10 * mantissa + d
            i += 1
            d = digit(data, i)
        decimals = i - start
        if decimals == 0:
            return ODD
    if digits + decimals > _MOST_DIGITS:
        return ODD
    slots[at] = (-mantissa if minus else mantissa) * 16 + decimals
    if not quoted:
        return i
    return i + 1 if byte(data, i) == QUOTE else ODD


@compiled
def minor(amount: int, exponent: int) -> int:
    """Minor units of an amount as `money` left it; TOO_MUCH where it has more decimals or is beyond all bounds."""
    if amount == NOT_GIVEN:
        return NOT_GIVEN
    mantissa, decimals = amount >> _DECIMALS_BITS, amount & 15
    limit = MAX_UNITS * cell(_POWER, exponent)
    if decimals > exponent:
        power = cell(_POWER, decimals - exponent)
        units = mantissa // power
        return units if units * power == mantissa and abs(units) <= limit else TOO_MUCH
    power = cell(_POWER, exponent - decimals)
    return mantissa * power if abs(mantissa) <= limit // power else TOO_MUCH


@inlined
def whole(data: Bytes, i: int, least: int, most: int, slots: Ints, at: int) -> int:
    """Read a whole number from `least` to `most` into slots[at]."""
    minus = byte(data, i) == _MINUS
    if minus:
        i += 1
    start, number = i, 0
    d = digit(data, i)
    while d >= 0:
        number = 10 * number + d
        i += 1
        d = digit(data, i)
    digits = i - start
    if minus:
        number = -number
    if digits == 0 or digits > _MOST_DIGITS or (digits > 1 and byte(data, start) == _ZERO):
        return ODD
    slots[at] = number
    return i if least <= number <= most else ODD
