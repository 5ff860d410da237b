"""Who approved an order: a code is all that is kept of the name (`features.approver`)."""

from __future__ import annotations

from typing import Final

from features.approver import NAMED, NOBODY, STAND_INS, UNTOLD
from features.wire import slots as slots_
from features.wire.kernel import compiled
from features.wire.memory import Bytes, Ints, byte
from features.wire.words import listed, place_in

_APPROVED_BY: Final = slots_.APPROVED_BY
_ABSENT_START: Final = slots_.ABSENT_START
_BLANK: Final = ord(" ")
_WORDS, _LENGTHS = listed(STAND_INS)


@compiled
def approver(data: Bytes, slots: Ints) -> int:
    """The code of the name in the slots."""
    start, length = slots[_APPROVED_BY], slots[_APPROVED_BY + 1]
    if start == _ABSENT_START:
        return UNTOLD
    while length and byte(data, start) == _BLANK:
        start, length = start + 1, length - 1
    while length and byte(data, start + length - 1) == _BLANK:
        length -= 1
    return NAMED + 1 + place_in(data, start, length, _WORDS, _LENGTHS) if length else NOBODY
