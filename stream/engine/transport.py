"""Whole batches through Faust: a Transport whose Consumer hands over what was fetched, not event by event.

Faust's own path makes two tasks, a message and an event of every record: about 10,000 events a second of CPU
time. Here the records of a partition go to a Faust channel as they were fetched, which is 30 times that.
Group, assignment, commit timer, rebalancing and recovery stay Faust's.

The rules:
* An offset is committed if, and only if, the batch that ends there was marked done, and where state is kept, once
  a checkpoint covers it. Nothing is acknowledged by having been read. Reading begins where the state ends.
* At most `BATCHES_IN_FLIGHT` batches are between the fetch and their mark; beyond it the fetch waits.
* When partitions are taken away, what is in flight is finished, marked and committed first, within two thirds
  of the rebalance timeout. What does not make it is not marked, and will be read again by the next owner.
* A batch belongs to the group's generation in which it was fetched; a mark from an older one is void.
* What was fetched and cannot be delivered is given back: the position goes back to it.

Faust gives no public hook for this. The private methods that are overridden or called here are those of the
pinned version, and tests/test_transport.py holds them to it.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from time import monotonic
from typing import TYPE_CHECKING, Any, cast

from faust.exceptions import ConsumerNotStarted
from faust.transport.drivers import aiokafka as driver

from stream.checkpoint.schema import StateRefused
from stream.engine.fetch_thread import FetchThread
from stream.engine.in_flight import Batch, InFlight

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterator, Mapping, Sequence

    import faust
    from faust.types import TP

    from stream.checkpoint.checkpointer import Checkpointer
    from stream.engine.app import EngineApp
    from stream.engine.fetch_thread import Look

BATCHES_PER_POLL = 4  # each poll crosses to the fetching thread and back, so it is made worth it
_CLOSED_SECONDS = 0.02
_POLL_SECONDS = 0.25  # longest wait for records: a stop and a look at the end take as long


class BatchConsumer(driver.Consumer):
    """Faust's consumer, with the orders topic delivered in batches and committed by `mark_done` alone."""

    def __init__(self, transport: BatchTransport, *args: Any, **kwargs: Any) -> None:
        self._topic = transport.topic
        self._channel = transport.channel
        self._batch_records = transport.batch_records
        self._fetch_max_wait_ms = transport.fetch_max_wait_ms
        self._drain_seconds = transport.drain_seconds
        self._checkpointer = transport.checkpointer
        self._in_flight = InFlight(keeps_state=transport.checkpointer is not None)
        self._open = True
        self._at_end = False
        self.is_member = False
        self._arrived = monotonic()
        self._seeking = asyncio.Lock()
        self._sought: tuple[int, frozenset[TP]] | None = None  # of which generation and share the state was taken over
        super().__init__(transport, *args, **kwargs)

    @property
    def caught_up(self) -> bool:
        """Whether all that the assigned partitions held at the last look was read and marked done."""
        return self._at_end and not self._in_flight

    @property
    def quiet_seconds(self) -> float:
        """How long ago the last record arrived, or the partitions were assigned."""
        return monotonic() - self._arrived

    @property
    def is_idle_member(self) -> bool:
        """Whether the group has told its share, and that is nothing: another member has the partitions."""
        try:
            return self.is_member and not self._assigned()
        except ConsumerNotStarted:  # or not any more
            return False

    def mark_judged(self) -> None:
        """Say that a batch has left the channel, and that its events were judged or are void."""
        self._in_flight.judged()

    def mark_done(self, batch: Batch) -> None:
        """Say that `batch` has had all its effects, save for what `hold_back` names: it may be committed."""
        if self.is_current(batch.generation):
            self._in_flight.done(batch)

    def hold_back(self, held: Mapping[int, int]) -> None:
        """Commit nothing of what waits to be merged: `held` is partition -> first offset that does."""
        self._in_flight.hold_back(held)

    def mark_saved(self, offsets: Mapping[int, int]) -> None:
        """Say that the state up to these offsets is safe: they may be committed."""
        self._in_flight.saved(offsets, self._assigned())

    def is_current(self, generation: int) -> bool:
        """Whether a batch of this generation is still ours to judge."""
        return bool(generation == self.app.consumer_generation_id)

    async def finish(self, seconds: float) -> bool:
        """Take no more records, wait for those in flight, save the state, commit; each for at most `seconds`.

        Returns whether nothing was left in flight.
        """
        self._open = False
        try:
            async with asyncio.timeout(seconds):
                while self._in_flight:
                    await self._in_flight.changed()
        except TimeoutError:
            left = "%d batches were not finished within %g s and will be read again"
            self.log.warning(left, len(self._in_flight), seconds)
        else:
            await self._save_within(seconds)
        uncommitted = "Kafka took no commit within %g s: what was done last will be read again"
        await self._within(seconds, self._commit_all(), uncommitted)
        return not self._in_flight

    async def _save_within(self, seconds: float) -> None:
        if self._checkpointer is not None and not self._checkpointer.is_clean:
            saving = self._checkpointer.try_to_save(self.mark_saved)
            unsaved = "no checkpoint within %g s: what came since the last one will be read again"
            await self._within(seconds, saving, unsaved)

    async def _within(self, seconds: float, work: Coroutine[Any, Any, Any], warning: str) -> None:
        """Wait for `work`, or say what was not done; no `asyncio.timeout`, since Faust swallows what that throws."""
        task = asyncio.ensure_future(work)
        done, _ = await asyncio.wait({task}, timeout=seconds)
        if done:
            task.result()
        else:
            task.cancel()
            self.log.warning(warning, seconds)

    async def _commit_all(self) -> None:
        for _ in range(2):  # the first may only have waited for a commit begun before the last mark
            await self.commit()

    # --- Faust's hooks ---------------------------------------------------------------------------

    def _new_consumer_thread(self) -> driver.AIOKafkaConsumerThread:
        return FetchThread(
            self,
            loop=self.loop,
            beacon=self.beacon,
            topic=self._topic,
            fetch_max_wait_ms=self._fetch_max_wait_ms,
        )

    async def _getmany(
        self,
        active_partitions: set[TP] | None,
        timeout: float,  # noqa: ASYNC109  # Faust's signature
    ) -> dict[TP, Any]:
        if not self._open or not self._has_sought:
            await asyncio.sleep(_CLOSED_SECONDS)
            return {}
        await self._until_judged()
        fetched = dict(await super()._getmany(active_partitions, min(timeout, _POLL_SECONDS)))
        look = self._fetch_thread.look
        mine = {tp: fetched.pop(tp) for tp in list(fetched) if tp.topic == self._topic}
        batches = list(self._batches(mine, look))
        delivered = 0
        while delivered < len(batches) and await self._deliver(batches[delivered]):
            delivered += 1
        if delivered == len(batches):
            self._at_end = bool(look.ends) and not look.behind
        else:
            await self._give_back(batches[delivered:], look.generation)
        self._tell_monitor(batches[:delivered], look)
        return fetched

    async def _until_judged(self) -> None:
        """Wait until all that was fetched is judged: what comes meanwhile makes the next batches larger and fewer."""
        while not self._in_flight.all_judged and self._open and self.flow_active and not self.should_stop:
            with suppress(TimeoutError):
                async with asyncio.timeout(_POLL_SECONDS):
                    await self._in_flight.changed()

    def _filter_tps_with_pending_acks(self, topics: Any = None) -> Iterator[TP]:
        yield from (tp for tp in super()._filter_tps_with_pending_acks(topics) if tp.topic != self._topic)
        yield from (tp for tp in self._in_flight.may_commit if topics is None or tp in topics or tp.topic in topics)

    def _new_offset(self, tp: TP) -> int | None:
        return self._in_flight.may_commit.get(tp) if tp.topic == self._topic else super()._new_offset(tp)

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        self.is_member = False
        await self.finish(self._drain_seconds)
        if self._checkpointer is not None:
            self._checkpointer.let_go()
        await super().on_partitions_revoked(revoked)

    async def perform_seek(self) -> None:
        """Find where to read on: where the state ends, and what was committed if there is none.

        Once a generation and share: Faust also asks when records come while the flow is suspended, and that may last
        until the next ones are judged, whose state must not be set back under them. It may also ask when the
        generation is new and the share is not told yet.
        """
        async with self._seeking:
            share = self._share()
            if self._checkpointer is None or self._sought != share:
                await self._take_over()
                self._sought = share

    async def _take_over(self) -> None:
        await super().perform_seek()
        assigned = self._assigned()
        if self._checkpointer is None or not assigned:
            return
        begins = {tp.partition: self._read_offset[tp] for tp in assigned}
        try:
            offsets = await self._checkpointer.load(begins)
        except StateRefused as refusal:
            self._open = False
            cast("EngineApp", self.app).refuse(refusal)
            return
        wanted = {tp: offsets[tp.partition] for tp in assigned if tp.partition in offsets}
        await self._fetch_thread.give_back(wanted, self.app.consumer_generation_id)
        self._read_offset.update(wanted)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        self._sought = None
        self._open = True
        self._at_end = False
        self._arrived = monotonic()
        self._in_flight.clear()
        await super().on_partitions_assigned(assigned, generation_id)
        self.is_member = True  # the group has told its share, which may be nothing

    # --- inside ----------------------------------------------------------------------------------

    @property
    def _fetch_thread(self) -> FetchThread:
        return cast("FetchThread", self._thread)

    @property
    def _has_sought(self) -> bool:
        return self._sought is not None and self._sought == self._share()

    def _share(self) -> tuple[int, frozenset[TP]]:
        return self.app.consumer_generation_id, frozenset(self._assigned())

    def _assigned(self) -> set[TP]:
        return {tp for tp in self.assignment() if tp.topic == self._topic}

    def _batches(self, fetched: Mapping[TP, Sequence[Any]], look: Look) -> Iterator[Batch]:
        """Cut what was fetched to size. All but the last have more after them, and it may have too."""
        slices = [
            (tp, records[start : start + self._batch_records])
            for tp, records in ((tp, self._unread(tp, records)) for tp, records in fetched.items())
            for start in range(0, len(records), self._batch_records)
        ]
        for number, (tp, records) in enumerate(slices, 1):
            more = number < len(slices)
            yield Batch(tp, records, look.generation, wait=look.behind or more, more=more)

    def _unread(self, tp: TP, records: Sequence[Any]) -> Sequence[Any]:
        position = self._read_offset[tp]
        if position is None or records[0].offset >= position:
            return records
        return [record for record in records if record.offset >= position]

    async def _deliver(self, batch: Batch) -> bool:
        """Put `batch` on the channel as soon as there is room; false if it may not be delivered any more."""
        if not await self._room(batch.generation):
            return False
        self._in_flight.begin()
        self._at_end = False
        self._arrived = monotonic()
        self._read_offset[batch.tp] = batch.next_offset  # before the wait below: a rebalance sets it anew
        await self._channel.send(value=batch)
        return True

    async def _give_back(self, batches: Sequence[Batch], generation: int) -> None:
        """Have the records of `batches` read again, if their partitions are still assigned as they were."""
        offsets: dict[TP, int] = {}
        for batch in batches:
            offsets.setdefault(batch.tp, batch.records[0].offset)
        await self._fetch_thread.give_back(offsets, generation)

    async def _room(self, generation: int) -> bool:
        """Wait until one more batch may be in flight; false if meanwhile it must not be delivered at all."""
        while self._in_flight.is_full and self._takes(generation):
            await self.wait_first(self._in_flight.changed(), self.suspend_flow.wait())
        return self._takes(generation)

    def _takes(self, generation: int) -> bool:
        """Whether what was fetched may be judged. Faust lets a member that had nothing read before it has sought."""
        is_open = self._open and self.flow_active and not self.should_stop and self.is_current(generation)
        return is_open and self._has_sought

    def _tell_monitor(self, delivered: Sequence[Batch], look: Look) -> None:
        """Do for a batch what Faust does for each message, or it would report a stream that stands still."""
        monitor = self.app.monitor
        for tp in {batch.tp for batch in delivered}:
            monitor.track_tp_end_offset(tp, look.ends.get(tp) or 0)
            monitor.stream_inbound_time[tp] = monotonic()


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
        checkpointer: Checkpointer | None = None,
    ) -> None:
        super().__init__(app.conf.broker_consumer, app)
        self.topic = topic
        self.channel = channel
        self.batch_records = batch_records
        self.fetch_max_wait_ms = fetch_max_wait_ms
        self.drain_seconds = drain_seconds
        self.checkpointer = checkpointer
