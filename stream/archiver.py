"""The consumer behind `orderwatch archive`: reads the topic of feature rows, lands them, then commits."""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError

from stream.engine.app import security

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from config.settings import Settings
    from stream.archive import Archive

log = logging.getLogger(__name__)

_POLL_MS: Final = 500


@dataclass(slots=True)
class Landing:
    """When what was collected of a partition becomes files: after so many bytes, or so long."""

    every_seconds: float = 60.0
    bytes: int = 32 << 20


@dataclass(slots=True)
class Archiver:
    """Reads until it is told to stop, or, `until_caught_up`, until what the topic holds has landed."""

    settings: Settings
    archive: Archive
    landing: Landing
    until_caught_up: bool = False
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    messages: int = 0
    _landing_now: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def run(self) -> int:
        """Archive, and return how many messages were read. Raises KafkaError, OSError: nothing is lost by either."""
        kafka = self.settings.kafka
        consumer = AIOKafkaConsumer(
            bootstrap_servers=kafka.brokers,
            group_id=f"{kafka.group}.archive",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=int(kafka.session_timeout_seconds * 1000),
            heartbeat_interval_ms=int(kafka.heartbeat_interval_seconds * 1000),
            rebalance_timeout_ms=int(kafka.rebalance_timeout_seconds * 1000),
            **security(kafka),
        )
        consumer.subscribe([self.settings.feature_log.topic], listener=self._handover(consumer))
        await consumer.start()
        try:
            await self._read(consumer)
        finally:
            await consumer.stop()
        return self.messages

    async def _read(self, consumer: AIOKafkaConsumer) -> None:
        landed = time.monotonic()
        while not self.stop.is_set():
            fetched = await consumer.getmany(timeout_ms=_POLL_MS)
            await self._add(consumer, fetched)
            late = time.monotonic() - landed >= self.landing.every_seconds
            await self._land(consumer, 1 if late else self.landing.bytes)
            landed = time.monotonic() if late else landed
            if self.until_caught_up and not fetched:
                await self._land(consumer, 1)
                if await self._is_caught_up(consumer):
                    return
        await self._land(consumer, 1)

    async def _add(self, consumer: AIOKafkaConsumer, fetched: Mapping[TopicPartition, Sequence[Any]]) -> None:
        """Collect what was fetched; what the archive does not wait for belongs to an assignment that is over."""
        for tp, records in fetched.items():
            for record in records:
                if self.archive.expects(tp.partition, record.offset):
                    self.messages += 1
                    if self.archive.add(tp.partition, record.offset, record.value or b""):
                        await self._land_one(consumer, tp)

    async def _land(self, consumer: AIOKafkaConsumer, at_least: int) -> None:
        for tp in consumer.assignment():
            if self.archive.waiting(tp.partition) >= at_least:
                await self._land_one(consumer, tp)

    async def _land_one(self, consumer: AIOKafkaConsumer, tp: TopicPartition) -> None:
        """Write, rename, commit: in this order, and not in the event loop, which has heartbeats to send."""
        async with self._landing_now:
            if not self.archive.waiting(tp.partition):
                return  # it was taken away while another one landed
            following = await asyncio.to_thread(self.archive.land, tp.partition)
        try:
            await consumer.commit({tp: following})
        except (CommitFailedError, IllegalStateError) as error:
            log.info("%s is another's by now, who goes on where the files end: %s", tp, error)

    def _handover(self, consumer: AIOKafkaConsumer) -> _Handover:
        return _Handover(consumer, self.archive, self._landing_now)

    async def _is_caught_up(self, consumer: AIOKafkaConsumer) -> bool:
        """Whether all has landed: what was only read is read again after partitions were handed over."""
        assigned = list(consumer.assignment())
        ends, begins = await consumer.end_offsets(assigned), await consumer.beginning_offsets(assigned)
        landed = {tp: await consumer.committed(tp) or begins[tp] for tp in assigned}
        return bool(assigned) and all(landed[tp] >= ends[tp] for tp in assigned)


class _Handover(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Gives partitions to the archive as they come, and takes them from it as they go; never while one lands."""

    def __init__(self, consumer: AIOKafkaConsumer, archive: Archive, landing_now: asyncio.Lock) -> None:
        self._consumer, self._archive, self._landing_now = consumer, archive, landing_now

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """What was not landed is read again by whoever comes next."""
        async with self._landing_now:
            for tp in revoked:
                self._archive.revoke(tp.partition)

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Go on where the files end."""
        async with self._landing_now:
            for tp in assigned:
                committed = await self._consumer.committed(tp)
                earliest = (await self._consumer.beginning_offsets([tp]))[tp]
                start = await asyncio.to_thread(self._archive.assign, tp.partition, committed, earliest)
                if start is None:
                    await self._consumer.seek_to_beginning(tp)
                else:
                    self._consumer.seek(tp, start)
