"""Says why a message is no event: the field, what it holds, and what it may hold."""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

_PATH: Final = re.compile(r" - at `\$(?P<path>[^`]*)`$")
_STEP: Final = re.compile(r"\.(?P<name>\w+)|\[(?P<index>\d+)\]")
_PERSONAL: Final = "shipping_address"
_LONGEST: Final = 60


def explain(value: bytes, error: msgspec.MsgspecError | ValueError) -> str:
    """The error's message with the offending value, unless that is personal data.

    >>> from features.event import decode_event
    >>> event = b'{"event_type":"order.approved","event_id":"","order_id":"o1","occurred_at":"2026-01-01T00:00:00Z"}'
    >>> try:
    ...     decode_event(event)
    ... except msgspec.ValidationError as error:
    ...     print(explain(event, error))
    Expected `str` of length >= 1 - at `$.event_id`, got ''
    """
    message = str(error)
    at = _PATH.search(message)
    if at is None or _PERSONAL in at["path"]:
        return message
    found = _look_up(value, at["path"])
    return message if found is None else f"{message}, got {_short(found)}"


def _look_up(value: bytes, path: str) -> Any:
    try:
        here: Any = msgspec.json.decode(value)
        for step in _STEP.finditer(path):
            here = here[step["name"]] if step["name"] else here[int(step["index"])]
    except (msgspec.MsgspecError, UnicodeDecodeError, KeyError, IndexError, TypeError):
        return None
    return here


def _short(found: Any) -> str:
    text = repr(found)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
