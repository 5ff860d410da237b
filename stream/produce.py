"""Sends events to the orders topic, each to the partition that its key stands for."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from itertools import islice
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaProducer

from features.partitioner import key_of, partitions_of
from stream.engine.app import security
from stream.engine.topics import ensure_topics

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
    from typing import Any

    from config.settings import Settings

    Send = Callable[[list[bytes]], Coroutine[Any, Any, None]]


_EVENTS_PER_SEND = 500  # also how many may be on their way at once
_LARGEST_REQUEST_BYTES = 64 << 20  # whether a message is too long is the broker's to say
_LINGER_MS = 5


async def produce(values: Iterable[bytes], settings: Settings) -> int:
    """Send `values` in order, wait until the broker has them all, and return how many there were.

    Makes the topics that are missing. An event without a key goes where its bytes hash to, as in a replay, so
    that both ways give each partition the same log. Raises TopicError or KafkaError.
    """
    total = 0
    async with orders_producer(settings) as send:
        for chunk in _chunks(values, _EVENTS_PER_SEND):
            await send(chunk)
            total += len(chunk)
    return total


@asynccontextmanager
async def orders_producer(settings: Settings) -> AsyncIterator[Send]:
    """Yield a function that sends a list of events and returns when the broker has them all."""
    await ensure_topics(settings, security(settings.kafka))
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka.brokers,
        linger_ms=_LINGER_MS,
        max_request_size=_LARGEST_REQUEST_BYTES,
        **security(settings.kafka),
    )
    await producer.start()
    try:
        yield lambda values: _send(producer, values, settings)
    finally:
        await producer.stop()


async def _send(producer: AIOKafkaProducer, values: list[bytes], settings: Settings) -> None:
    topic = settings.kafka.orders_topic
    keys = [key_of(value) for value in values]
    hashed = [key or value for key, value in zip(keys, values, strict=True)]
    partitions = partitions_of(hashed, settings.kafka.partitions).tolist()
    sent = [
        await producer.send(topic, value, key, partition)
        for value, key, partition in zip(values, keys, partitions, strict=True)
    ]
    await asyncio.gather(*sent)


def _chunks(values: Iterable[bytes], size: int) -> Iterator[list[bytes]]:
    remaining = iter(values)
    while chunk := list(islice(remaining, size)):
        yield chunk
