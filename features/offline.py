"""The features of a stored log: read, partitioned and transformed as the live stream is, block by block."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from config.registry import build, discover
from config.settings import Settings
from features.batch import I64, Batch, Flag
from features.duplicates import SeenEvents
from features.feature import Feature
from features.intake import Intake, Taken
from features.partition import Partition
from features.partitioner import key_of, partitions_of, partitions_of_texts
from features.selection import selected
from features.tabulate import tabulate
from features.text import Text
from features.wire import tables as wire


def partition_of(settings: Settings) -> Partition:
    """One partition with the features that are on, those that others are made from first."""
    parts = build(discover("features.columns", Feature), settings.features, "feature")
    return Partition(settings, dict(sorted(parts.items(), key=lambda item: len(item[1].reads))))


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of one partition that a worker read with one memory: from offset `began` to `last`, both included."""

    partition: int
    began: int = 0
    last: int = np.iinfo(np.int64).max


@dataclass(slots=True)
class Transformed:
    """A batch of one partition with its columns; `message` is where in the block each event came from."""

    span: Span
    batch: Batch
    message: I64


class _Memory:
    """What one worker remembers of one partition."""

    def __init__(self, span: Span, settings: Settings) -> None:
        self.span = span
        self.seen = SeenEvents(settings.decode.duplicate_window_events)
        self.features = partition_of(settings)


class OfflineLog:
    """Leads messages through intake, duplicates and features, each partition with its own memory.

    Parameters
    ----------
    settings
        Those of the stream; the number of partitions is one of them.
    spans
        What is to be read, with a memory each; by default every partition from its start.

    >>> from config.settings import load
    >>> log = OfflineLog(load())
    >>> [len(done.batch) for done in log.read([b"no event"])], log.refused
    ([], 1)
    """

    def __init__(self, settings: Settings, spans: Sequence[Span] | None = None) -> None:
        """Nothing has been read."""
        n = settings.kafka.partitions
        self._intake = Intake(settings.decode)
        self._memories = [_Memory(span, settings) for span in spans or [Span(number) for number in range(n)]]
        self._next = np.zeros(n, np.int64)
        self.refused = 0
        self.duplicates = 0

    def read(self, messages: Sequence[bytes]) -> list[Transformed]:
        """The next messages of the whole log, in order; offsets count up in each partition, as Kafka's do."""
        taken = self._intake.take(messages, np.full(len(messages), time.time_ns() // 1_000_000))
        partition = self._choose(messages, taken)
        offset = np.zeros(len(messages), np.int64)
        for number in range(len(self._next)):
            mine = (partition == number).nonzero()[0]
            offset[mine] = self._next[number] + np.arange(len(mine))
            self._next[number] += len(mine)
        return self._transform(taken, partition, offset)

    def read_partition(self, number: int, messages: Sequence[bytes], offset: I64, arrived_ms: I64) -> list[Transformed]:
        """The next messages of one partition, whose offsets and times of arrival are known."""
        taken = self._intake.take(messages, arrived_ms)
        return self._transform(taken, np.full(len(messages), number), offset)

    def _choose(self, messages: Sequence[bytes], taken: Taken) -> I64:
        """The partition of each message: by the key inside, else by its bytes."""
        n, tables = len(self._next), taken.tables
        chosen = np.full(len(messages), -1)
        start, length = (tables.events[wire.EVENT_ORDER_ID + field].copy() for field in (wire.START, wire.LENGTH))
        stock = tables.stock[wire.STOCK_AT]
        start[stock], length[stock] = tables.stock[wire.STOCK_SKU : wire.STOCK_SKU + 2]
        keys = Text(tables.data, start, length, start)
        chosen[tables.events[wire.EVENT_MESSAGE]] = partitions_of_texts(keys, n)
        chosen[list(taken.opened)] = -1
        left = (chosen < 0).nonzero()[0]
        if len(left):
            lines = [messages[i] for i in left.tolist()]
            chosen[left] = partitions_of([key_of(line) or line for line in lines], n)
        return chosen

    def _transform(self, taken: Taken, partition: I64, offset: I64) -> list[Transformed]:
        tables = taken.tables
        message = tables.events[wire.EVENT_MESSAGE]
        bits = tables.events[wire.EVENT_EVENT_ID + wire.HASH]
        self.refused += len(taken.refused)
        done = []
        for memory in self._memories:
            keep = taken.possible & _is_in(memory.span, partition, offset)[message]
            mine = keep.nonzero()[0]
            if not len(mine):
                continue
            keep[mine] = memory.seen.are_new(bits[mine])
            batch = tabulate(tables if keep.all() else selected(tables, keep))
            self.duplicates += len(mine) - len(batch)
            rows = message[keep]
            batch.offset = offset[rows]
            memory.features.transform(batch)
            done.append(Transformed(memory.span, batch, rows))
        return done


def _is_in(span: Span, partition: I64, offset: I64) -> Flag:
    inside: Flag = (partition == span.partition) & (offset >= span.began) & (offset <= span.last)
    return inside
