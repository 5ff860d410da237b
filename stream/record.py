"""What the pipeline needs of a Kafka record, so that replays, backtests and tests run it without Kafka."""

from __future__ import annotations

from typing import Protocol

import msgspec


class Record(Protocol):
    """One message of one partition; aiokafka's `ConsumerRecord` satisfies it as it is.

    `timestamp` is the broker's or the producer's, in ms since the epoch, -1 if unknown; event time is never
    taken from it.
    """

    @property
    def value(self) -> bytes | None: ...
    @property
    def key(self) -> bytes | None: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...


class StoredRecord(msgspec.Struct, frozen=True, gc=False):
    """A record that did not come from Kafka: a line of a file, or a test's.

    >>> StoredRecord(value=b"{}", key=None, offset=7).timestamp
    -1
    """

    value: bytes | None
    key: bytes | None
    offset: int
    timestamp: int = -1
