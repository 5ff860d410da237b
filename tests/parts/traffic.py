"""What goes into Kafka and what came out of it and of Redis, for tests that are no coroutines."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import TYPE_CHECKING, Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from stream.alert_channel import AlertChannel, Delivered

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiokafka import ConsumerRecord

    from config.settings import Settings

_KEYS = 10
_READ_SECONDS = 20.0
_LARGEST_MESSAGE_BYTES = 8 << 20
_ALL = 1_000_000


def send(settings: Settings, values: Sequence[bytes], *, pace_seconds: float = 0.0, once: bool = False) -> None:
    """Send values to the orders topic with keys key-0 to key-9, in turn.

    `once`: a broker that dies while it answers leaves no message twice in the log (an idempotent producer).
    """

    async def run() -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=settings.kafka.brokers,
            linger_ms=5,
            max_request_size=_LARGEST_MESSAGE_BYTES,
            enable_idempotence=once,
        )
        await producer.start()
        try:
            sent = []
            for number, value in enumerate(values):
                key = b"key-%d" % (number % _KEYS)
                sent.append(await producer.send(settings.kafka.orders_topic, value, key=key))
                await asyncio.sleep(pace_seconds)
            await asyncio.gather(*sent)
        finally:
            await producer.stop()

    asyncio.run(run())


def with_orders(settings: Settings, values: Sequence[bytes]) -> Callable[[Any], None]:
    """The `on_ready` of a worker: the topics are there, so send them something."""
    return lambda _: run_in_thread(send, settings, values)


def run_in_thread(function: Callable[..., None], *args: Any) -> None:
    """Call a function that runs an event loop of its own from inside another one."""
    thread = threading.Thread(target=function, args=args)
    thread.start()
    thread.join()


def read(settings: Settings, topic: str, count: int = 0) -> list[ConsumerRecord[bytes, bytes]]:
    """All messages of a topic, in the order of each partition; waits until there are `count`."""

    async def run() -> list[ConsumerRecord[bytes, bytes]]:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.kafka.brokers, auto_offset_reset="earliest", fetch_max_wait_ms=20
        )
        await consumer.start()
        partitions = [TopicPartition(topic, number) for number in range(settings.kafka.partitions)]
        consumer.assign(partitions)
        records: list[ConsumerRecord[bytes, bytes]] = []
        try:
            async with asyncio.timeout(_READ_SECONDS):
                while len(records) < count or not await _is_at_end(consumer, partitions):
                    for batch in (await consumer.getmany(timeout_ms=100)).values():
                        records += batch
        finally:
            await consumer.stop()
        return records

    return asyncio.run(run())


async def _is_at_end(consumer: AIOKafkaConsumer, partitions: Sequence[TopicPartition]) -> bool:
    # the end that a fetch reports: ListOffsets is answered with the start of the last batch by some brokers
    ends = [consumer.highwater(each) for each in partitions]
    return None not in ends and ends == [await consumer.position(each) for each in partitions]


def delivered(settings: Settings) -> list[Delivered]:
    """All that Redis was given, oldest first."""

    async def run() -> list[Delivered]:
        channel = AlertChannel(settings.redis)
        entries = await channel.recent(_ALL)
        await channel.close()
        return entries

    return asyncio.run(run())


def committed(settings: Settings) -> dict[int, int]:
    """The next offset that the group would read, by partition; partitions without one are left out."""

    async def run() -> dict[int, int]:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.kafka.brokers, group_id=settings.kafka.group, enable_auto_commit=False
        )
        await consumer.start()
        offsets = {}
        for number in range(settings.kafka.partitions):
            offset = await consumer.committed(TopicPartition(settings.kafka.orders_topic, number))
            if offset is not None and offset > 0:
                offsets[number] = offset
        await consumer.stop()
        return offsets

    return asyncio.run(run())


def wait_until(condition: Callable[[], bool], seconds: float = 120.0) -> None:
    """Look again and again; `TimeoutError` if it takes longer than `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"not so after {seconds:g} s")
        time.sleep(0.05)
