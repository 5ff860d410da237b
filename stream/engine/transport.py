"""Whole batches through Faust: a Transport whose Consumer hands over what was fetched, not event by event.

Faust's own path makes two tasks, a message and an event of every record: about 10,000 events a second of CPU
time. Here the records of a partition go to a Faust channel as they were fetched, which is 30 times that.
Group, assignment, commit timer, rebalancing and recovery stay Faust's.

The rules:
* An offset is committed if, and only if, the batch that ends there was marked done. Nothing is acknowledged
  by having been read.
* At most `BATCHES_IN_FLIGHT` batches are between the fetch and their mark; beyond it the fetch waits.
* When partitions are taken away, what is in flight is finished, marked and committed first, within half the
  rebalance timeout. What does not make it is not marked, and will be read again by the next owner.
* A batch belongs to the group's generation in which it was fetched; a mark from an older one is void.
* What was fetched and cannot be delivered is given back: the position goes back to it.

Faust gives no public hook for this. The private methods that are overridden or called here are those of the
pinned version, and tests/test_transport.py holds them to it.
"""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from aiokafka.errors import IllegalStateError
from faust.transport.drivers import aiokafka as driver

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import faust
    from aiokafka import AIOKafkaConsumer
    from faust.types import TP

    from stream.record import Record

BATCHES_IN_FLIGHT = 8
BATCHES_PER_POLL = 4  # each poll crosses to the fetching thread and back, so it is made worth it
_CLOSED_SECONDS = 0.02
_POLL_SECONDS = 0.25  # longest wait for records: a stop and a look at the end take as long


class Batch(NamedTuple):
    """Records of one partition in offset order, and the generation of the group they were fetched in.

    `wait` : when these were handed over, some partition still held records that were not.
    """

    tp: TP
    records: Sequence[Record]
    generation: int
    wait: bool = True

    @property
    def next_offset(self) -> int:
        """The offset to commit once this batch is done."""
        return self.records[-1].offset + 1


class BatchConsumer(driver.Consumer):
    """Faust's consumer, with the orders topic delivered in batches and committed by `mark_done` alone."""

    def __init__(self, transport: BatchTransport, *args: Any, **kwargs: Any) -> None:
        self._topic = transport.topic
        self._channel = transport.channel
        self._batch_records = transport.batch_records
        self._fetch_max_wait_ms = transport.fetch_max_wait_ms
        self._drain_seconds = transport.drain_seconds
        self._finished: dict[TP, int] = {}  # the offset after the last batch marked done
        self._done: dict[TP, int] = {}  # the next offset to commit
        self._in_flight = 0
        self._changed = asyncio.Event()
        self._open = True
        self._at_end = False
        self._arrived = monotonic()
        super().__init__(transport, *args, **kwargs)

    @property
    def caught_up(self) -> bool:
        """Whether all that the assigned partitions held at the last look was read and marked done."""
        return self._at_end and not self._in_flight

    @property
    def quiet_seconds(self) -> float:
        """How long ago the last record arrived, or the partitions were assigned."""
        return monotonic() - self._arrived

    def mark_done(self, batch: Batch) -> None:
        """Say that `batch` has had all its effects, save for what `hold_back` names: it may be committed."""
        if self.is_current(batch.generation):
            self._finished[batch.tp] = self._done[batch.tp] = batch.next_offset
            self._in_flight -= 1
            self._changed.set()

    def hold_back(self, held: Mapping[int, int]) -> None:
        """Commit none of what still waits to be merged: `held` is partition -> first offset of which something does."""
        for tp, offset in self._finished.items():
            self._done[tp] = min(offset, held.get(tp.partition, offset))

    def is_current(self, generation: int) -> bool:
        """Whether a batch of this generation is still ours to judge."""
        return bool(generation == self.app.consumer_generation_id)

    async def finish(self, seconds: float) -> bool:
        """Take no more records, wait for those in flight, commit; whether all were done within `seconds`."""
        self._open = False
        try:
            async with asyncio.timeout(seconds):
                while self._in_flight:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            self.log.warning(
                "%d batches were not finished within %g s and will be read again", self._in_flight, seconds
            )
        for _ in range(2):  # the first call may only have waited for a commit that began before the last mark
            await self.commit()
        return not self._in_flight

    # --- Faust's hooks ---------------------------------------------------------------------------

    def _new_consumer_thread(self) -> driver.AIOKafkaConsumerThread:
        return _QuickFetchThread(
            self, loop=self.loop, beacon=self.beacon, fetch_max_wait_ms=self._fetch_max_wait_ms
        )

    async def _getmany(
        self,
        active_partitions: set[TP] | None,
        timeout: float,  # noqa: ASYNC109  # Faust's signature
    ) -> dict[TP, Any]:
        if not self._open:
            await asyncio.sleep(_CLOSED_SECONDS)
            return {}
        fetched = dict(await super()._getmany(active_partitions, min(timeout, _POLL_SECONDS)))
        generation = self._quick_thread.fetched_generation
        mine = {tp: fetched.pop(tp) for tp in list(fetched) if tp.topic == self._topic}
        for tp, records in mine.items():
            await self._deliver(tp, records, generation)
        if not mine:
            await self._look_for_end()
        return fetched

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        yield from (tp for tp in super()._filter_tps_with_pending_acks(topics) if tp.topic != self._topic)
        yield from (tp for tp in self._done if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        return self._done.get(tp) if tp.topic == self._topic else super()._new_offset(tp)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        await self.finish(self._drain_seconds)
        await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        self._done.clear()
        self._finished.clear()
        self._in_flight = 0
        self._open = True
        self._note_arrival()
        self._changed.set()
        await super().on_partitions_assigned(assigned, generation_id)

    # --- inside ----------------------------------------------------------------------------------

    @property
    def _quick_thread(self) -> _QuickFetchThread:
        return cast("_QuickFetchThread", self._thread)

    async def _deliver(self, tp: TP, records: Sequence[Any], generation: int) -> None:
        """Put `records` on the channel in slices; what may not be delivered now is given back to be read."""
        position = self._read_offset[tp]
        if position is not None and records[0].offset < position:
            records = [record for record in records if record.offset >= position]
        for start in range(0, len(records), self._batch_records):
            some = records[start : start + self._batch_records]
            batch = Batch(tp, some, generation, wait=self._is_more_after(tp, some[-1].offset + 1))
            if not await self._room(generation):
                await self._quick_thread.give_back(tp, batch.records[0].offset, generation)
                return
            self._in_flight += 1
            self._note_arrival()
            await self._channel.send(value=batch)
            self._read_offset[tp] = batch.next_offset
        self._tell_monitor(tp)

    def _is_more_after(self, tp: TP, position: int) -> bool:
        """Whether any of our partitions holds more than was handed over, once `tp` is read up to `position`."""
        for other in self.assignment():
            if other.topic == self._topic:
                end: int | None = self.highwater(other)  # None until the first fetch was answered
                read = position if other == tp else self._read_offset[other] or 0
                if end is None or read < end:
                    return True
        return False

    async def _room(self, generation: int) -> bool:
        """Wait until one more batch may be in flight; false if meanwhile it must not be delivered at all."""
        while self._in_flight >= BATCHES_IN_FLIGHT and self._takes(generation):
            self._changed.clear()
            await self.wait_first(self._changed.wait(), self.suspend_flow.wait())
        return self._takes(generation)

    def _takes(self, generation: int) -> bool:
        return self._open and self.flow_active and not self.should_stop and self.is_current(generation)

    def _note_arrival(self) -> None:
        self._at_end = False
        self._arrived = monotonic()

    def _tell_monitor(self, tp: TP) -> None:
        """Do for a batch what Faust does for each message, or it would report a stream that stands still."""
        monitor = self.app.monitor
        monitor.track_tp_end_offset(tp, self.highwater(tp))
        monitor.stream_inbound_time[tp] = monotonic()

    async def _look_for_end(self) -> None:
        """Compare positions with the ends that the last fetches reported.

        Done where the fetch came back empty, as only there nothing is on its way between the two threads. The
        end is the fetch's own: some brokers answer ListOffsets(latest) with the start of the last batch.
        """
        if self._at_end or self.app.rebalancing:
            return
        try:
            tps = [tp for tp in self.assignment() if tp.topic == self._topic]
            self._at_end = bool(tps) and all([await self._is_read(tp) for tp in tps])
        except (IllegalStateError, AssertionError):  # the partitions were taken away while we looked
            self._at_end = False

    async def _is_read(self, tp: TP) -> bool:
        end: int | None = self.highwater(tp)  # None until the first fetch was answered
        if end is None:
            return False
        position = await self.position(tp)
        return position is not None and position >= end


class BatchTransport(driver.Transport):
    """Faust's Kafka transport with `BatchConsumer`; `channel` receives a `Batch` a message."""

    Consumer = BatchConsumer

    def __init__(
        self,
        app: faust.App,
        *,
        topic: str,
        channel: faust.ChannelT[Any],
        batch_records: int,
        fetch_max_wait_ms: int,
        drain_seconds: float,
    ) -> None:
        super().__init__(app.conf.broker_consumer, app)
        self.topic = topic
        self.channel = channel
        self.batch_records = batch_records
        self.fetch_max_wait_ms = fetch_max_wait_ms
        self.drain_seconds = drain_seconds


class _QuickFetchThread(driver.AIOKafkaConsumerThread):
    """The thread that fetches, asking the broker for quick answers, and knowing when each was fetched.

    A fetch that was asked for before a rebalance can return after it, with records of the new assignment:
    only here, where the assignment changes, is the generation of fetched records known for certain.
    """

    fetched_generation = driver.DEFAULT_GENERATION_ID

    def __init__(self, *args: Any, fetch_max_wait_ms: int, **kwargs: Any) -> None:
        self._fetch_max_wait_ms = fetch_max_wait_ms
        super().__init__(*args, **kwargs)

    async def give_back(self, tp: TP, offset: int, generation: int) -> None:
        """Read on from `offset` unless the assignment has changed since, which has set the position anew.

        Faust would seek to what was committed, which does nothing where nothing was committed yet.
        """
        await self.call_thread(self._seek_if_current, tp, offset, generation)

    async def _seek_if_current(self, tp: TP, offset: int, generation: int) -> None:
        consumer = self._ensure_consumer()
        if consumer._coordinator.generation == generation and tp in consumer.assignment():  # noqa: SLF001
            consumer.seek(tp, offset)

    async def _fetch_records(self, consumer: AIOKafkaConsumer, *args: Any, **kwargs: Any) -> Any:
        records = await super()._fetch_records(consumer, *args, **kwargs)
        self.fetched_generation = consumer._coordinator.generation  # noqa: SLF001  # it has no public name
        return records

    def _create_consumer(self, loop: asyncio.AbstractEventLoop) -> AIOKafkaConsumer:
        consumer = super()._create_consumer(loop)  # Faust lets the broker hold an answer for 1.5 s
        consumer._fetch_max_wait_ms = self._fetch_max_wait_ms  # noqa: SLF001  # the only way to set it
        return consumer
