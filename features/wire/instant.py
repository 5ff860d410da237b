"""RFC 3339 times -> milliseconds since 1970 UTC, rounded half up."""

from __future__ import annotations

from typing import Final

import numpy as np

from features.wire.kernel import compiled, inlined
from features.wire.memory import Bytes, Ints, byte, cell, put, word
from features.wire.number import digit
from features.wire.quoted import ODD, QUOTE

_SHORTEST: Final = len('"2026-01-01T00:00:00Z"')
_OFFSET: Final = len("+00:00")
_DAYS: Final = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31], np.int64)
_FIRST_1970: Final = 719_468  # days from 0000-03-01 to 1970-01-01
_FEBRUARY, _DECEMBER, _LAST_HOUR, _LAST_MINUTE, _LAST_SECOND = 2, 12, 23, 59, 59
_MICRO: Final = 1_000_000
_NO_TIME: Final = -(2**62)
_POINT, _ZULU, _COLON, _COMMA = ord("."), ord("Z"), ord(":"), ord(",")


def _form(pattern: str) -> tuple[np.uint64, np.uint64, np.uint64]:
    """For eight bytes in which 0 stands for any digit and ? for anything: what they are compared with, and how.

    A byte b of a digit d differs from "0" by d, and neither d nor d + 6 has a bit in its upper half; a byte of
    any other kind must not differ at all.
    """
    expected = bytes(0 if c == "?" else ord(c) for c in pattern)
    added = bytes(6 if c == "0" else 0 for c in pattern)
    mask = bytes({"0": 0xF0, "?": 0}.get(c, 0xFF) for c in pattern)
    first, second, third = (np.frombuffer(part, "<u8")[0] for part in (expected, added, mask))
    return first, second, third


_DATE, _DATE_ADDED, _DATE_MASK = _form("0000-00-")
_HOUR, _HOUR_ADDED, _HOUR_MASK = _form("00T00:00")
_SECOND, _SECOND_ADDED, _SECOND_MASK = _form(":00?????")
_DIGIT: Final = np.uint64(15)
_AT_0, _AT_1, _AT_2, _AT_3, _AT_5, _AT_6 = (np.uint64(8 * k) for k in (0, 1, 2, 3, 5, 6))
_NEXT: Final = np.uint64(8)


@inlined
def _pair(digits: np.uint64, at: np.uint64) -> int:
    """The two digits that begin `at` bits from the lowest."""
    return np.int64(((digits >> at) & _DIGIT) * np.uint64(10) + ((digits >> (at + _NEXT)) & _DIGIT))  # type: ignore[return-value]  # compiled, the two are one


@compiled
def _day(year: int, month: int, day: int) -> int:
    """Days since 1970 of a day of the Gregorian calendar (Hinnant, days_from_civil)."""
    year -= month <= _FEBRUARY
    era = year // 400
    of_era = year - 400 * era
    of_year = (153 * ((month + 9) % 12) + 2) // 5 + day - 1
    return 146_097 * era + 365 * of_era + of_era // 4 - of_era // 100 + of_year - _FIRST_1970


@compiled
def _days(year: int, month: int) -> int:
    leap = month == _FEBRUARY and year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    return cell(_DAYS, month) + leap


@compiled
def _second(data: Bytes, i: int) -> int:
    """Seconds since 1970 of the date and time at i, taken as UTC; _NO_TIME where there is none."""
    a, b, c = word(data, i) ^ _DATE, word(data, i + 8) ^ _HOUR, word(data, i + 16) ^ _SECOND
    wrong = (a | (a + _DATE_ADDED)) & _DATE_MASK
    wrong |= (b | (b + _HOUR_ADDED)) & _HOUR_MASK
    wrong |= (c | (c + _SECOND_ADDED)) & _SECOND_MASK
    year, month, day = 100 * _pair(a, _AT_0) + _pair(a, _AT_2), _pair(a, _AT_5), _pair(b, _AT_0)
    hour, minute, second = _pair(b, _AT_3), _pair(b, _AT_6), _pair(c, _AT_1)
    if wrong or year < 1 or hour > _LAST_HOUR or minute > _LAST_MINUTE or second > _LAST_SECOND:
        return _NO_TIME
    if month < 1 or month > _DECEMBER or day < 1 or day > _days(year, month):
        return _NO_TIME
    return 86_400 * _day(year, month, day) + 3600 * hour + 60 * minute + second


@compiled
def _offset(data: Bytes, i: int, end: int) -> int:
    """Seconds east of UTC that the offset at i says; _NO_TIME where there is none."""
    sign = _COMMA - byte(data, i)  # a comma stands between plus and minus
    if abs(sign) != 1 or end - i <= _OFFSET or byte(data, i + 3) != _COLON:
        return _NO_TIME
    total = 0
    for place, unit, most in ((1, 3600, _LAST_HOUR), (4, 60, _LAST_MINUTE)):
        tens, ones = digit(data, i + place), digit(data, i + place + 1)
        if tens < 0 or ones < 0 or 10 * tens + ones > most:
            return _NO_TIME
        total += unit * (10 * tens + ones)
    return sign * total


@compiled
def instant(data: Bytes, i: int, end: int, slots: Ints, at: int) -> int:
    """Read the time whose opening quote is byte i into slots[at]."""
    if byte(data, i) != QUOTE or end - i < _SHORTEST:
        return ODD
    second = _second(data, i + 1)
    if second == _NO_TIME:
        return ODD
    i += 20
    micro, scale = 0, _MICRO
    if byte(data, i) == _POINT:
        i += 1
        d = digit(data, i)
        while d >= 0 and scale > 1:
            scale //= 10
            micro += d * scale
            i += 1
            d = digit(data, i)
        if scale == _MICRO:
            return ODD
    if byte(data, i) == _ZULU:
        i += 1
    else:
        offset = _offset(data, i, end)
        if offset == _NO_TIME:
            return ODD
        second -= offset
        i += _OFFSET
    put(slots, at, 1000 * second + (micro + 500) // 1000)
    return i + 1 if byte(data, i) == QUOTE else ODD
