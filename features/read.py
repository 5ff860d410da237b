"""Messages -> tables: the compiled reader for what is written plainly, msgspec for all else.

msgspec has the last word (`features.event`). What the reader does not recognise at once is parsed and checked
by msgspec, written anew in the plain form, and read then.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from features.event import decode_event
from features.money import Malformed
from features.wire.canonical import canonical
from features.wire.scan import scan
from features.wire.tables import Tables

Refusal = msgspec.MsgspecError | Malformed | UnicodeDecodeError | RecursionError


@dataclass(slots=True)
class Read:
    """What some messages held.

    `messages` : as they were read at last. `refused` : position of a message -> why it is no event.
    """

    tables: Tables
    messages: list[bytes]
    refused: dict[int, Refusal]


def read(messages: Sequence[bytes]) -> Read:
    """Read order events; what is none is refused, and leaves no row.

    >>> read([b'{"event_type":"order.delivered","event_id":"e1","order_id":"o1",'
    ...       b'"occurred_at":"2026-01-01T10:00:00Z"}', b"no event"]).refused.keys()
    dict_keys([1])
    """
    tables, written = scan(messages), list(messages)
    refused: dict[int, Refusal] = {}
    odd = (~tables.plain).nonzero()[0].tolist()
    for i in odd:
        try:
            written[i] = canonical(decode_event(messages[i]))
        except (msgspec.MsgspecError, Malformed, UnicodeDecodeError, RecursionError) as error:
            refused[i], written[i] = error, b""
    if len(refused) < len(odd):
        tables = scan(written, checked=~tables.plain)
        left = [i for i in (~tables.plain).nonzero()[0].tolist() if i not in refused]
        refused |= {i: Malformed("is read by msgspec alone: please report this event") for i in left}
    return Read(tables, written, refused)
