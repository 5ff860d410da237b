"""The compacted topic that holds the checkpoints: read whole at a takeover, written to as state changes.

It is not read through Faust's tables: their recovery takes a record at a time, believes the end that ListOffsets
tells (which some brokers tell too early), and turns every error of a store into a line of its log.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Iterable, Mapping, Sequence
from threading import Thread
from typing import Any, Final, TypeVar

from aiokafka import AIOKafkaProducer, TopicPartition

from config.sections import KafkaSettings
from stream.checkpoint.marker import Key
from stream.checkpoint.origin import Origin
from stream.checkpoint.shelf import Shelf
from stream.checkpoint.tail import Tail
from stream.checkpoint.topic import MOST_MESSAGE_BYTES, name_of
from stream.checkpoint.units import changelog_partition

T = TypeVar("T")

_BATCH_BYTES: Final = 1 << 19  # well below what a topic takes by default
_STOP_SECONDS: Final = 1.0


class Changelog:
    """Writes and reads the records of all units.

    Writing has a thread and an event loop of its own: where orders are judged without a rest, each step of a request
    would wait for a batch, and a checkpoint takes hundreds of them.

    Parameters
    ----------
    kafka
        Where the broker is, and how many partitions there are.
    security
        The TLS and SASL arguments of a client.
    """

    def __init__(self, kafka: KafkaSettings, security: Mapping[str, Any]) -> None:
        """Connect when first used."""
        self._topic = name_of(kafka)
        self._partitions = [TopicPartition(self._topic, number) for number in range(kafka.partitions)]
        self._client = {"bootstrap_servers": kafka.brokers, "client_id": "orderwatch-state", **security}
        self.origin = Origin(kafka, self._client)
        self._producer: AIOKafkaProducer | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    async def read(self) -> Shelf:
        """All that holds now. Raises `KafkaError`."""
        async with self.tail() as tail:
            return await tail.read_to_end()

    def tail(self, *, keeps_arrays: bool = False) -> Tail:
        """A reader that goes on from where it is, for a member that stands by."""
        return Tail(self._partitions, self._client, keeps_arrays=keeps_arrays)

    async def write(self, records: Iterable[tuple[Key, bytes | None]]) -> int:
        """Send records and wait until all are acknowledged; their bytes. Raises `KafkaError`."""
        return await self._in_thread(self._write(list(records)))

    async def stop(self) -> None:
        """Disconnect; what is not acknowledged by then is lost."""
        if self._loop is not None:
            await self._in_thread(self._stop())
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._loop = None

    async def _in_thread(self, work: Coroutine[Any, Any, T]) -> T:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            Thread(target=self._loop.run_forever, name="state-changelog", daemon=True).start()
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def _write(self, records: Sequence[tuple[Key, bytes | None]]) -> int:
        producer = await self._started()
        sent, nbytes = [], 0
        for key, value in records:
            where = changelog_partition(key.unit)
            sent.append(await producer.send(self._topic, value, str(key).encode(), where))
            nbytes += len(value or b"")
        for result in await asyncio.gather(*sent, return_exceptions=True):
            if isinstance(result, BaseException):
                raise result
        return nbytes

    async def _stop(self) -> None:
        producer, self._producer = self._producer, None
        if producer is not None:
            stopping = asyncio.ensure_future(producer.stop())
            done, _ = await asyncio.wait({stopping}, timeout=_STOP_SECONDS)
            stopping.cancel() if not done else stopping.result()

    async def _started(self) -> AIOKafkaProducer:
        if self._producer is None:
            # a producer of its own: alerts do not queue behind megabytes of state
            producer = AIOKafkaProducer(
                acks=-1, max_batch_size=_BATCH_BYTES, max_request_size=MOST_MESSAGE_BYTES, **self._client
            )
            await producer.start()
            self._producer = producer
        return self._producer
