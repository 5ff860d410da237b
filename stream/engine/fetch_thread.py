"""The thread that fetches: quick answers from the broker, and what each answer means."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from aiokafka.consumer.fetcher import FetchResult
from faust.transport.drivers import aiokafka as driver
from mode.threads import WorkerThread

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Mapping

    from aiokafka import AIOKafkaConsumer
    from aiokafka.consumer.fetcher import Fetcher
    from faust.types import TP


_FEW_RECORDS = 64


class Look(NamedTuple):
    """The state of our partitions at the moment a fetch returned, seen from the thread that changes it.

    `generation` : the generation of the group to which the fetched records belong.
    `ends` : partition -> its end as the last fetch of it reported; None before the first. (Not from
    ListOffsets, which some brokers answer with the start of the last batch.)
    `behind` : some partition holds more than was fetched, or may.
    """

    generation: int
    ends: Mapping[TP, int | None]
    behind: bool


def _as_it_is(_tp: TP, record: Any) -> Any:
    return record


class _DaemonThread(WorkerThread):
    """A thread that does not keep the process: a broker that went away can hold it for ever."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.daemon = True


class FetchThread(driver.AIOKafkaConsumerThread):
    """The thread that fetches, asking the broker for quick answers, and knowing what each answer means.

    A fetch that was asked for before a rebalance can return after it, with records of the new assignment:
    only here, where the assignment changes, are the generation and the positions known for certain.
    """

    Worker = _DaemonThread

    def __init__(self, *args: Any, topic: str, fetch_max_wait_ms: int, **kwargs: Any) -> None:
        self._topic = topic
        self._fetch_max_wait_ms = fetch_max_wait_ms
        self._paused: list[TP] = []
        self.look = Look(driver.DEFAULT_GENERATION_ID, {}, behind=True)
        super().__init__(*args, **kwargs)

    async def on_start(self) -> None:
        """Connect; what is fetched of our topic then comes as aiokafka reads it."""
        await super().on_start()
        self._spare_copies(self._ensure_consumer()._fetcher)  # noqa: SLF001  # no public way to its records

    async def give_back(self, offsets: Mapping[TP, int], generation: int) -> None:
        """Read on from `offsets` unless the assignment has changed since, which has set the positions anew.

        Faust would seek to what was committed, which does nothing where nothing was committed yet.
        """
        await self.call_thread(self._seek_if_current, offsets, generation)

    async def _seek_if_current(self, offsets: Mapping[TP, int], generation: int) -> None:
        consumer = self._ensure_consumer()
        for tp, offset in offsets.items():
            if consumer._coordinator.generation == generation and tp in consumer.assignment():  # noqa: SLF001
                consumer.seek(tp, offset)

    async def _fetch_records(self, consumer: AIOKafkaConsumer, *args: Any, **kwargs: Any) -> Any:
        self._ask_again(consumer)
        records = await super()._fetch_records(consumer, *args, **kwargs)
        self.look = self._looked(consumer)
        if 0 < sum(map(len, records.values())) < _FEW_RECORDS:
            self._ask_no_more(consumer)
        return records

    def _spare_copies(self, fetcher: Fetcher) -> None:
        """Leave out the second object that aiokafka makes of each record: half the time of unpacking them.

        The first has all that a `stream.record.Record` has. Other topics are Faust's, which wants the second.
        """
        fetch = fetcher._proc_fetch_request  # noqa: SLF001

        async def fetch_plainly(*request: Any) -> bool:
            new: bool = await fetch(*request)
            for tp, result in fetcher._records.items():  # noqa: SLF001
                if tp.topic == self._topic and isinstance(result, FetchResult) and result.has_more():
                    result._partition_records._consumer_record = _as_it_is  # noqa: SLF001
            return new

        fetcher._proc_fetch_request = fetch_plainly  # noqa: SLF001

    def _ask_no_more(self, consumer: AIOKafkaConsumer) -> None:
        """At low rates, do not fetch ahead: what is fetched while a batch is judged is old when it is our turn.

        Asked for once the batch is judged, the broker's answer holds all that has come by then, in one round trip.
        """
        self._paused = [tp for tp in consumer.assignment() if tp.topic == self._topic]
        consumer.pause(*self._paused)

    def _ask_again(self, consumer: AIOKafkaConsumer) -> None:
        paused, self._paused = self._paused, []
        if paused:
            assigned = consumer.assignment()
            consumer.resume(*(tp for tp in paused if tp in assigned))

    def _looked(self, consumer: AIOKafkaConsumer) -> Look:
        generation = consumer._coordinator.generation  # noqa: SLF001  # no public name for these two
        subscription = consumer._subscription.subscription  # noqa: SLF001
        assignment = subscription.assignment if subscription is not None else None
        if assignment is None:
            return Look(generation, {}, behind=True)
        states = {tp: assignment.state_value(tp) for tp in assignment.tps if tp.topic == self._topic}
        behind = any(
            state.highwater is None or not state.has_valid_position or state.position < state.highwater
            for state in states.values()
        )
        return Look(generation, {tp: state.highwater for tp, state in states.items()}, behind)

    def _create_consumer(self, loop: asyncio.AbstractEventLoop) -> AIOKafkaConsumer:
        consumer = super()._create_consumer(loop)  # Faust lets the broker hold an answer for 1.5 s
        consumer._fetch_max_wait_ms = self._fetch_max_wait_ms  # noqa: SLF001  # the only way to set it
        return consumer
