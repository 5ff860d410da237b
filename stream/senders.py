"""Who sent a message that could not be used, as far as it says so itself."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from features.state import State, read_back, written

UNKNOWN: Final = ""
_MOST: Final = 64
_LARGEST: Final = 1 << 20  # bytes: what is larger is not parsed a second time
_NAME: Final = re.compile(r"(?!.*[0-9]{5})[A-Za-z/][A-Za-z0-9._:/\-]{0,63}")


class _Sent(msgspec.Struct):
    """Of a message, or of the CloudEvent around it, its `source` alone."""

    source: str = UNKNOWN


_decoder: Final = msgspec.json.Decoder(_Sent)


def sender_of(value: bytes | None) -> str:
    """What a message calls its `source`; `UNKNOWN` if it can't be read, or is no name of a system.

    Such a name is of 64 signs at most, without blank or @ and without five digits in a row: no person's, no number.

    >>> [sender_of(b'{"source":"%s","total_price":x' % name) for name in (b"erp",)]
    ['']
    >>> [sender_of(b'{"source":"%s"}' % name) for name in (b"erp", b"/shop/pos-4", b"li.na@example.com", b"c10086123")]
    ['erp', '/shop/pos-4', '', '']
    """
    if not value or len(value) > _LARGEST:
        return UNKNOWN
    try:
        source = _decoder.decode(value).source
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return UNKNOWN
    return source if _NAME.fullmatch(source) else UNKNOWN


class Senders:
    """The senders of one partition that are told apart: the first 64, so that made-up names fill no memory.

    >>> senders = Senders()
    >>> senders.known("erp"), senders.known(""), [senders.known(f"made-up-{n}") for n in range(64)][-1]
    ('erp', '', '')
    """

    def __init__(self) -> None:
        """Start with none."""
        self._names: set[str] = set()

    def known(self, name: str) -> str:
        """The name, or `UNKNOWN` where there is no room for another one."""
        if name != UNKNOWN and len(self._names) < _MOST:
            self._names.add(name)
        return name if name in self._names else UNKNOWN

    def get_state(self) -> State:
        """Their names."""
        return {"names": written(sorted(self._names))}

    def set_state(self, state: State) -> None:
        """Go on with these."""
        self._names = set(read_back(state["names"], list[str]))
