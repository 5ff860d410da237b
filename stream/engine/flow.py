"""The way of a batch: judge it, publish what came of it, only then mark it done.

Judging is synchronous and publishing waits for Kafka and Redis, so the two overlap: while one task waits for
acknowledgements the next batch is judged. There is one publishing task and it takes outcomes in the order in
which they were judged, so the alerts of a fingerprint stay in order and a mark never runs ahead of an alert.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from stream.alert import Alert
    from stream.dead_letter import DeadLetter
    from stream.engine.feature_writer import FeatureWriter
    from stream.engine.in_flight import Batch
    from stream.engine.publisher import Publisher
    from stream.engine.transport import BatchConsumer
    from stream.record import Record
    from stream.scored_rows import ScoredRows


_GIVE_WAY_SECONDS = 0.01


class Outcome(Protocol):
    """What judging some records led to; `stream.pipeline.Outcome` satisfies it."""

    @property
    def alerts(self) -> Sequence[Alert]: ...
    @property
    def dead_letters(self) -> Sequence[DeadLetter]: ...
    @property
    def events(self) -> int: ...
    @property
    def duplicates(self) -> int: ...
    @property
    def late(self) -> int: ...
    @property
    def held(self) -> Mapping[int, int]: ...
    @property
    def scored(self) -> Sequence[ScoredRows]: ...


class Judge(Protocol):
    """What the engine runs; `stream.pipeline.Pipeline` satisfies it. Pure CPU, never waits."""

    @property
    def clock_ms(self) -> int:
        """The event time that the log has reached."""

    def process(self, partition: int, records: Sequence[Record], *, wait: bool, more: bool) -> Outcome:
        """Judge records of one partition, in offset order.

        `wait` : other partitions have older ones to be read. `more` : the next batch follows at once.
        """

    def advance(self, now_ms: int) -> Outcome:
        """Close what event time `now_ms` closes on partitions that say nothing."""

    def finish(self) -> Outcome:
        """The stream has ended: release everything held back."""


@dataclass(slots=True)
class Counts:
    """What went through since the start. `alerts` counts transitions raised, `delivered` ids new to Redis."""

    batches: int = 0
    events: int = 0
    duplicates: int = 0
    late: int = 0
    dead_letters: int = 0
    alerts: int = 0
    delivered: int = 0

    def add(self, outcome: Outcome) -> None:
        self.batches += 1
        self.events += outcome.events
        self.duplicates += outcome.duplicates
        self.late += outcome.late
        self.dead_letters += len(outcome.dead_letters)
        self.alerts += len(outcome.alerts)


class Flow:
    """Judges batches and publishes their outcomes; runs inside the application's event loop."""

    def __init__(self, judge: Judge, publisher: Publisher, writer: FeatureWriter | None = None) -> None:
        self.counts = Counts()
        self._judge = judge
        self._clock_ms = 0
        self._publisher = publisher
        self._writer = writer
        self._held: Mapping[int, int] = {}
        self._position: dict[int, int] = {}
        self._outcomes = self._told = 0
        self._told_more = asyncio.Event()
        self._judged: asyncio.Queue[tuple[Outcome | None, Batch | None]] = asyncio.Queue()

    async def judge(self, batch: Batch) -> None:
        """Judge one batch and queue its outcome; the limit on batches in flight bounds that queue.

        Faust's stream gives way between two batches, to heartbeats, the fetch and the publisher.
        """
        outcome = self._judge.process(batch.tp.partition, batch.records, wait=batch.wait, more=batch.more)
        self._position[batch.tp.partition] = batch.next_offset
        self._queue(outcome, batch)
        self._clock_ms = self._judge.clock_ms
        if outcome.alerts:
            await self._let_out()

    def advance(self, quiet_seconds: float) -> None:
        """Tell the judge how late it is, for conditions that only the absence of events shows.

        Event time goes on from the last event by as much as ours has since, and never beyond ours: a log of
        last year that was read to its end does not become a year of silence.
        """
        if self._clock_ms:
            now_ms = self._clock_ms + int(quiet_seconds * 1000)
            self._queue(self._judge.advance(min(now_ms, time.time_ns() // 1_000_000)), None)

    def say(self, outcome: Outcome) -> None:
        """Queue something that no batch led to."""
        self._queue(outcome, None)

    async def finish(self) -> None:
        """Release what the judge holds back and publish it. To be called when no batch is in flight."""
        outcome = self._judge.finish()
        self.counts.add(outcome)
        self.counts.delivered += await self._publisher.publish([outcome])
        if self._writer is not None:
            await self._writer.write(outcome.scored, at_once=True)

    async def publish(self, consumer: BatchConsumer) -> None:
        """Publish outcomes for ever, as many at once as wait, and mark their batches done."""
        while True:
            waiting = [await self._judged.get()]
            while not self._judged.empty():
                waiting.append(self._judged.get_nowait())
            outcomes = [outcome for outcome, _ in waiting if outcome is not None]
            self.counts.delivered += await self._publisher.publish(outcomes)
            self._told += len(outcomes)
            self._told_more.set()
            if self._writer is not None:
                await self._writer.write(rows for outcome in outcomes for rows in outcome.scored)
            for _, batch in waiting:
                if batch is not None:
                    consumer.mark_done(batch)
                self._judged.task_done()
            self._held = outcomes[-1].held if outcomes else self._held
            self._hold_back(consumer)

    @property
    def clock_ms(self) -> int:
        """The event time that the judge had reached with the last batch."""
        return self._clock_ms

    @property
    def position(self) -> Mapping[int, int]:
        """Partition -> the offset after the last record that was judged, or where reading begins."""
        return self._position

    @property
    def judged(self) -> int:
        """Outcomes so far."""
        return self._outcomes

    def start_at(self, position: Mapping[int, int]) -> None:
        """Say where reading begins, after the state was taken over."""
        self._position = dict(position)
        self._clock_ms = self._judge.clock_ms

    async def until_told(self, judged: int) -> None:
        """Wait until all that came of the first so many outcomes is out, and its scored rows too."""
        while self._told < judged:
            self._told_more.clear()
            await self._told_more.wait()
        if self._writer is not None:
            await self._writer.write(at_once=True)

    def tick(self) -> None:
        """Have rows written that have waited long enough, though no batch comes."""
        self._judged.put_nowait((None, None))

    async def settle(self, consumer: BatchConsumer, seconds: float) -> bool:
        """Write the rows that wait, when a worker stops; whether there were any, which may now be committed."""
        if self._writer is None:
            return False
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                written = await self._writer.write(at_once=True)
                self._hold_back(consumer)
                return written
        return False

    def _hold_back(self, consumer: BatchConsumer) -> None:
        consumer.hold_back(self._held if self._writer is None else self._writer.held(self._held))

    async def _let_out(self) -> None:
        """Give way to alerts that are on their way, for a moment: each of their steps would wait for a batch."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_GIVE_WAY_SECONDS):
                await self._judged.join()

    def _queue(self, outcome: Outcome, batch: Batch | None) -> None:
        self.counts.add(outcome)
        self._outcomes += 1
        self._judged.put_nowait((outcome, batch))
