"""Messages -> the events that count, or why they do not: the same for a live partition and for a file.

What is too large, empty, no event, from before the shop or from the future is refused. A structured-mode CloudEvent
is opened. Which of the rest came before is for `features.duplicates` to say.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import numpy as np

from config.sections import DecodeSettings
from features.batch import I64, Flag
from features.money import Malformed
from features.read import Read, read
from features.wire.tables import EVENT_MESSAGE, EVENT_TIME_MS, Tables


class _Envelope(msgspec.Struct):
    """A structured-mode CloudEvent around an order event."""

    specversion: str
    data: msgspec.Raw


_envelope = msgspec.json.Decoder(_Envelope)


@dataclass(slots=True)
class Taken:
    """What some messages held.

    `possible` : for each event in `tables` whether its time can be. `opened` : messages that were CloudEvents.
    `refused` : position of a message -> why it is no event, or none that can be.
    """

    tables: Tables
    possible: Flag
    opened: frozenset[int]
    refused: dict[int, Exception]


class Intake:
    """Reads messages, and refuses what cannot be.

    Parameters
    ----------
    settings
        Sizes and times that are still possible.
    """

    def __init__(self, settings: DecodeSettings) -> None:
        """Nothing is remembered."""
        self._settings = settings
        self._ahead_ms = int(settings.max_ahead_seconds * 1000)

    def take(self, messages: Sequence[bytes], arrived_ms: I64) -> Taken:
        """Read messages; `arrived_ms` (one each) is when they came, which no event may lie far ahead of."""
        found, opened = self._read(messages)
        refused: dict[int, Exception] = dict(found.refused)
        message = found.tables.events[EVENT_MESSAGE]
        impossible = self._impossible_times(found.tables.events[EVENT_TIME_MS], arrived_ms[message])
        refused |= {int(message[at]): error for at, error in impossible.items()}
        possible = np.ones(len(message), np.bool_)
        possible[list(impossible)] = False
        return Taken(found.tables, possible, opened, refused)

    def _read(self, messages: Sequence[bytes]) -> tuple[Read, frozenset[int]]:
        """Read what is of a possible size; look into what turns out to be an envelope."""
        largest = self._settings.max_event_bytes
        fits = max(map(len, messages), default=0) <= largest
        sized = messages if fits else [message if len(message) <= largest else b"" for message in messages]
        found = read(sized)
        opened = {i: data for i in found.refused if (data := _opened(sized[i])) is not None}
        first = found.refused
        if opened:
            found = read([opened.get(i, message) for i, message in enumerate(found.messages)])
        found.refused = {i: self._impossible_size(messages[i]) or first[i] for i in found.refused}
        return found, frozenset(opened)

    def _impossible_times(self, time_ms: I64, arrived_ms: I64) -> dict[int, Malformed]:
        """Events from before the shop or from the future; one of these would push the clock beyond all others."""
        early, ahead = time_ms < self._settings.earliest_ms, time_ms > arrived_ms + self._ahead_ms
        if not np.count_nonzero(early | ahead):
            return {}
        before = f"is before {self._settings.earliest:%Y-%m-%d} (decode.earliest)"
        limit = f"is more than {self._settings.max_ahead_seconds:g} s ahead of its arrival (decode.max_ahead_seconds)"
        why = dict.fromkeys(early.nonzero()[0].tolist(), before)
        why |= dict.fromkeys(ahead.nonzero()[0].tolist(), limit)
        return {i: Malformed(f"occurred_at {np.datetime64(int(time_ms[i]), 'ms')}Z {text}") for i, text in why.items()}

    def _impossible_size(self, message: bytes) -> Malformed | None:
        """What is wrong with a message that is empty or too large."""
        if not message:
            return Malformed("message is empty")
        limit = f"{self._settings.max_event_bytes} (decode.max_event_bytes)"
        too_large = len(message) > self._settings.max_event_bytes
        return Malformed(f"message of {len(message)} bytes is over {limit}") if too_large else None


def _opened(message: bytes) -> bytes | None:
    """The data inside a CloudEvent, if this is one."""
    try:
        return bytes(_envelope.decode(message).data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
