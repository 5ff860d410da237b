"""The form of an address and of a phone number: all that is kept of them.

A phone number is `\\+?[0-9(][0-9 ()./\\-]{4,20}[0-9]`, a postal code `[0-9A-Za-z][0-9A-Za-z \\-]{1,10}`. An address
that is given names at least a region or a city, and no postal code but a plausible one.
"""

from __future__ import annotations

import string
from typing import Final

import numpy as np

from features.batch import ABSENT, MALFORMED, WELL_FORMED
from features.wire import slots as slots_
from features.wire.kernel import compiled
from features.wire.memory import Bytes, Ints, byte, cell

_PHONE_FIRST, _PHONE_REST, _PHONE_LAST, _CODE_FIRST, _CODE_REST = 1, 2, 4, 8, 16
_SHORTEST_PHONE, _LONGEST_PHONE = 6, 22
_SHORTEST_CODE, _LONGEST_CODE = 2, 11
_PLUS: Final = ord("+")
_SETS: Final = {
    _PHONE_FIRST: string.digits + "(",
    _PHONE_REST: string.digits + " ()./-",
    _PHONE_LAST: string.digits,
    _CODE_FIRST: string.digits + string.ascii_letters,
    _CODE_REST: string.digits + string.ascii_letters + " -",
}
_CLASS: Final = np.array(
    [sum(bit for bit, chars in _SETS.items() if chr(code) in chars) for code in range(256)], np.int64
)
_REGION, _CITY, _CODE, _PHONE = slots_.REGION, slots_.CITY, slots_.POSTAL_CODE, slots_.PHONE
_GIVEN: Final = slots_.ADDRESS_GIVEN
_ABSENT_START: Final = slots_.ABSENT_START


@compiled
def _all(data: Bytes, start: int, length: int, bit: int) -> bool:
    common = bit
    for i in range(start, start + length):
        common &= cell(_CLASS, byte(data, i))
    return common != 0


@compiled
def is_phone(data: Bytes, start: int, length: int) -> bool:
    """Whether a text may be a phone number."""
    if length and byte(data, start) == _PLUS:
        start, length = start + 1, length - 1
    if length < _SHORTEST_PHONE or length > _LONGEST_PHONE:
        return False
    last = start + length - 1
    ends = cell(_CLASS, byte(data, start)) & _PHONE_FIRST and cell(_CLASS, byte(data, last)) & _PHONE_LAST
    return bool(ends) and _all(data, start + 1, length - 2, _PHONE_REST)


@compiled
def is_postal_code(data: Bytes, start: int, length: int) -> bool:
    """Whether a text may be a postal code."""
    if length < _SHORTEST_CODE or length > _LONGEST_CODE:
        return False
    return cell(_CLASS, byte(data, start)) & _CODE_FIRST != 0 and _all(data, start + 1, length - 1, _CODE_REST)


@compiled
def address_form(data: Bytes, slots: Ints) -> int:
    """What became of the address in the slots."""
    if not slots[_GIVEN]:
        return ABSENT
    if slots[_REGION + 1] == 0 and slots[_CITY + 1] == 0:
        return MALFORMED
    if slots[_CODE] == _ABSENT_START:
        return WELL_FORMED
    return WELL_FORMED if is_postal_code(data, slots[_CODE], slots[_CODE + 1]) else MALFORMED


@compiled
def phone_form(data: Bytes, slots: Ints) -> int:
    """What became of the phone number in the slots."""
    if slots[_PHONE] == _ABSENT_START:
        return ABSENT
    return WELL_FORMED if is_phone(data, slots[_PHONE], slots[_PHONE + 1]) else MALFORMED
