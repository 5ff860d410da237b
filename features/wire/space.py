"""White space between the tokens of JSON."""

from __future__ import annotations

from typing import Final

from features.wire.kernel import compiled, inlined
from features.wire.memory import Bytes, byte

_SPACE, _TAB, _LINE_FEED, _RETURN = 32, 9, 10, 13
COMMA: Final = ord(",")
COLON: Final = ord(":")
OPEN_OBJECT: Final = ord("{")
CLOSE_OBJECT: Final = ord("}")
OPEN_LIST: Final = ord("[")
CLOSE_LIST: Final = ord("]")


@inlined
def token(data: Bytes, i: int, end: int) -> int:
    """The first byte from i on that is no white space, or the message's end."""
    if byte(data, i) > _SPACE:
        return i
    return _behind(data, i, end)


@compiled
def _behind(data: Bytes, i: int, end: int) -> int:
    while i < end and (
        byte(data, i) == _SPACE or byte(data, i) == _LINE_FEED or byte(data, i) == _TAB or byte(data, i) == _RETURN
    ):
        i += 1
    return i
