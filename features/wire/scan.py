"""Messages -> tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
from numpy.typing import NDArray

from features.wire import arena as arena_
from features.wire import slots as slots_
from features.wire import tables
from features.wire.arena import ROWS, SAVED, arena_of, filled
from features.wire.event import event
from features.wire.fields import COUNT, FIRST
from features.wire.kernel import compiled, inlined
from features.wire.memory import PADDING, Bytes, Ints
from features.wire.rows import NEW_CURRENCY, PLAIN, rows
from features.wire.tables import Tables
from features.wire.units import exponents, remember

_TABLES: Final = arena_.TABLES
_UNREADABLE: Final = -1  # of a message's mode; otherwise whether it is `checked`
_BEHIND: Final = b"\n" * PADDING
_CURRENCY: Final = slots_.CREATED + tables.CREATED_CURRENCY
_MESSAGE: Final = slots_.EVENT + tables.EVENT_MESSAGE
_FOLLOWS: Final = np.array([*(k + 1 for k in range(COUNT)), *FIRST[:-1]], np.int64)
_FOLLOWS[FIRST[1:] - 1] = FIRST[:-1]  # each field's next; an object's last one is followed by its first


@inlined
def _copy(layout: Ints, source: int, target: int) -> None:
    for table in range(_TABLES):
        layout[table, target] = layout[table, source]


@compiled
def _scan(
    message: int,
    data: Bytes,
    ends: Ints,
    mode: Ints,
    plain: NDArray[np.bool_],
    arena: Ints,
    layout: Ints,
    slots: Ints,
    follow: Ints,
    exponents: Ints,
) -> int:
    """Read the messages from `message` on; the one whose currency is new, or how many there are."""
    for m in range(message, len(ends)):
        if mode[m] == _UNREADABLE:
            continue
        start = ends[m - 1] + 1 if m else 0
        _copy(layout, ROWS, SAVED)
        kind = event(data, start, ends[m], mode[m], arena, layout, slots, follow)
        slots[_MESSAGE] = m
        status = rows(data, kind, arena, layout, slots, exponents)
        plain[m] = status == PLAIN
        if status != PLAIN:
            _copy(layout, SAVED, ROWS)
        if status == NEW_CURRENCY:
            return m
    return len(ends)


def scan(messages: Sequence[bytes], checked: NDArray[np.bool_] | None = None) -> Tables:
    """Read messages into tables; never raises.

    `checked` marks messages in canonical form (`features.wire.canonical`), in which texts may be of any length and
    hold escapes. A message that is not plain in the result is for `features.event` to judge.
    """
    joined = b"\n".join((*messages, _BEHIND))
    n = len(messages)
    ends = np.array(list(map(len, messages)), np.int64)
    ends[1:] += 1
    np.cumsum(ends, out=ends)
    mode = np.zeros(n, np.int64) if checked is None else checked.astype(np.int64)
    if not joined.isascii():
        mode[_unreadable(joined, messages)] = _UNREADABLE
    data = np.frombuffer(joined, np.uint8)
    arena, layout = arena_of(n, len(joined))
    plain = np.zeros(n, np.bool_)
    _run(joined, data, ends, mode, plain, arena, layout)
    return Tables(data[: len(joined) - len(_BEHIND)], plain, *filled(arena, layout))


def _unreadable(joined: bytes, messages: Sequence[bytes]) -> list[int]:
    """The messages that are no UTF-8; all are looked at in one go, and singly only if one is not."""
    return [] if _is_utf8(joined) else [i for i, message in enumerate(messages) if not _is_utf8(message)]


def _is_utf8(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return True


def _run(
    joined: bytes, data: Bytes, ends: Ints, mode: Ints, plain: NDArray[np.bool_], arena: Ints, layout: Ints
) -> None:
    """Scan, and tell the scanner of each currency it does not know yet."""
    slots, follow = slots_.DEFAULTS.copy(), _FOLLOWS.copy()
    message = 0
    while True:
        message = _scan(message, data, ends, mode, plain, arena, layout, slots, follow, exponents)
        if message == len(ends):
            return
        start, length, bits = slots[_CURRENCY : _CURRENCY + 3].tolist()
        remember(bits, joined[start : start + length].decode())
