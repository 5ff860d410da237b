"""A topic from one end to the other: what it holds now, as one log over all of its partitions."""

from __future__ import annotations

from collections import deque
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from stream.engine.app import security
from stream.engine.topics import TopicError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

    from aiokafka import ConsumerRecord

    from config.settings import Settings

_POLL_MS: Final = 250
_ANSWER_MS: Final = 15_000
_RECORDS_AHEAD: Final = 500  # of one partition; with a message's size it bounds what is held in memory


@dataclass(slots=True)
class _Part:
    """One partition: what was fetched and not given out, and where it ended when it was first looked at.

    `clock_ms` : the latest timestamp given out; the partition's own order goes before its timestamps.
    """

    tp: TopicPartition
    start: int
    waiting: deque[Any] = field(default_factory=deque)
    end: int | None = None
    position: int = 0
    clock_ms: int = -1

    @property
    def is_read(self) -> bool:
        """Whether nothing is left to be fetched."""
        return self.end is not None and self.position >= self.end

    @property
    def turn(self) -> tuple[int, int]:
        """What decides whose record is next: time, then partition."""
        return max(self.clock_ms, self.waiting[0].timestamp), self.tp.partition

    def take(self) -> Any:
        """Give out the oldest record."""
        record = self.waiting.popleft()
        self.clock_ms = max(self.clock_ms, record.timestamp)
        return record


class TopicLog:
    """The records of a topic between where it begins (or a time) and where it ended when this was opened.

    Iterating gives them by timestamp, and those of one partition always by offset; memory holds a few hundred a
    partition. What is written meanwhile is left for another time.
    """

    def __init__(self, consumer: AIOKafkaConsumer, parts: list[_Part], since_ms: int) -> None:
        self._consumer, self._parts, self._since_ms = consumer, parts, since_ms

    @property
    def total(self) -> int:
        """Offsets between start and end, over all partitions: no fewer than the records that will come."""
        return sum((part.end or part.start) - part.start for part in self._parts)

    async def __aiter__(self) -> AsyncIterator[ConsumerRecord[bytes | None, bytes | None]]:
        while True:
            await self._fill()
            ready = [part for part in self._parts if part.waiting]
            if not ready:
                return
            record = min(ready, key=lambda part: part.turn).take()
            if record.timestamp >= self._since_ms or record.timestamp < 0:
                yield record

    async def look(self) -> None:
        """Fetch until each partition's end is known; `total` is right from then on."""
        while unknown := [part for part in self._parts if part.end is None]:
            await self._fetch(unknown)

    async def _fill(self) -> None:
        """Wait until each partition that has more to give has something at hand."""
        while hungry := [part for part in self._parts if not part.waiting and not part.is_read]:
            await self._fetch(hungry)

    async def _fetch(self, parts: list[_Part]) -> None:
        tps = [part.tp for part in parts]
        fetched = await self._consumer.getmany(*tps, timeout_ms=_POLL_MS, max_records=_RECORDS_AHEAD)
        for part in parts:
            # from the fetch's own answer: ListOffsets is answered with the start of the last batch by some brokers
            end = self._consumer.highwater(part.tp)
            part.end = end if part.end is None else part.end
            part.position = await self._consumer.position(part.tp)
            last = part.end
            part.waiting += [record for record in fetched.get(part.tp, ()) if last is None or record.offset < last]


@asynccontextmanager
async def open_log(settings: Settings, topic: str, since_ms: int = 0) -> AsyncIterator[TopicLog]:
    """Open a topic for reading once, without a group. Raises TopicError if it is not there, KafkaError.

    `since_ms` : leave out what Kafka's own timestamp says is older, in ms since the epoch.
    """
    tps = [TopicPartition(topic, number) for number in range(await _partitions(settings, topic))]
    async with _consumer(settings) as consumer:
        consumer.assign(tps)
        log = TopicLog(consumer, await _parts(consumer, tps, since_ms), since_ms)
        await log.look()
        yield log


async def read_places(settings: Settings, topic: str, places: Sequence[tuple[int, int]]) -> list[Any]:
    """The records that stand at these partitions and offsets; where there is none (any more), none comes."""
    partitions = await _partitions(settings, topic)
    async with _consumer(settings) as consumer:
        tps = [TopicPartition(topic, number) for number in range(partitions)]
        consumer.assign(tps)
        starts = await consumer.beginning_offsets(tps)
        there = [(tps[number], offset) for number, offset in places if number < partitions]
        found = [await _read_one(consumer, tp, offset) for tp, offset in there if offset >= starts[tp]]
        return [record for record in found if record is not None]


async def _read_one(consumer: AIOKafkaConsumer, tp: TopicPartition, offset: int) -> Any:
    consumer.seek(tp, offset)
    while True:
        found = (await consumer.getmany(tp, timeout_ms=_POLL_MS, max_records=1)).get(tp, ())
        if found:
            return found[0] if found[0].offset == offset else None
        end = consumer.highwater(tp)
        if end is not None and offset >= end:
            return None


@asynccontextmanager
async def _consumer(settings: Settings) -> AsyncIterator[AIOKafkaConsumer]:
    """A consumer of no group, which starts a partition at its earliest record."""
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka.brokers,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=settings.kafka.fetch_max_wait_ms,
        request_timeout_ms=_ANSWER_MS,
        **security(settings.kafka),
    )
    try:
        await consumer.start()
        yield consumer
    finally:
        await consumer.stop()


async def _parts(consumer: AIOKafkaConsumer, tps: list[TopicPartition], since_ms: int) -> list[_Part]:
    starts: Mapping[TopicPartition, int] = await consumer.beginning_offsets(tps)
    if since_ms:
        times = await consumer.offsets_for_times(dict.fromkeys(tps, since_ms))
        later = {tp: found.offset for tp, found in times.items() if found is not None}
        # a partition with nothing so late is left out; one whose messages have no time begins where it begins
        starts = {tp: max(starts[tp], later[tp]) for tp in tps if tp in later}
    for tp, start in starts.items():
        consumer.seek(tp, start)
    return [_Part(tp, start, position=start) for tp, start in starts.items()]


async def _partitions(settings: Settings, topic: str) -> int:
    """How many partitions the topic has."""
    brokers = settings.kafka.brokers
    admin = AIOKafkaAdminClient(bootstrap_servers=brokers, request_timeout_ms=_ANSWER_MS, **security(settings.kafka))
    try:
        await admin.start()
        if topic not in set(await admin.list_topics()):
            raise TopicError(
                f"Kafka at {brokers} (kafka.brokers) has no topic {topic}: the worker makes it at its start"
            )
        [described] = await admin.describe_topics([topic])
        return len(described["partitions"])
    except (KafkaError, OSError, TimeoutError) as error:
        raise TopicError(f"Kafka at {brokers} (kafka.brokers): {error}") from error
    finally:
        await admin.close()
