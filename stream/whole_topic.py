"""A topic of one partition that is small enough to be read whole: what is told of models, and what analysts say."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from config.sections import KafkaSettings

_SECONDS: Final = 10.0
_ANSWER_MS: Final = 100
_POLL_MS: Final = 500


async def read_whole(kafka: KafkaSettings, topic: str) -> list[tuple[bytes, bytes]]:
    """Key and value of every message, in order; the topic is made if there is none. Raises `TopicError`."""
    from stream.engine.app import security  # the engine imports this file
    from stream.engine.topics import TopicError, ensure_small_topic

    arguments = security(kafka)
    await ensure_small_topic(kafka, topic, arguments)
    consumer = _consumer(kafka, _ANSWER_MS)
    try:
        await consumer.start()
        async with asyncio.timeout(_SECONDS):
            return await _to_end(consumer, TopicPartition(topic, 0))
    except (KafkaError, OSError, TimeoutError) as error:
        raise TopicError(f"Kafka at {kafka.brokers} (kafka.brokers): {error}") from error
    finally:
        await consumer.stop()


async def add(kafka: KafkaSettings, topic: str, key: bytes, value: bytes) -> None:
    """Write one message; the topic is made if there is none. Raises `TopicError`, in one line."""
    from stream.engine.app import security  # the engine imports this file
    from stream.engine.topics import TopicError, ensure_small_topic

    arguments = security(kafka)
    await ensure_small_topic(kafka, topic, arguments)
    producer = AIOKafkaProducer(bootstrap_servers=kafka.brokers, acks="all", **arguments)
    try:
        await producer.start()
        async with asyncio.timeout(_SECONDS):
            await producer.send_and_wait(topic, value, key, partition=0)
    except (KafkaError, OSError, TimeoutError) as error:
        raise TopicError(f"Kafka at {kafka.brokers} (kafka.brokers): {error}") from error
    finally:
        await producer.stop()


async def follow(kafka: KafkaSettings, topic: str, hear: Callable[[Sequence[Any]], Awaitable[None]]) -> None:
    """Hand on the records from the topic's start on, for ever; often that is nothing. Raises KafkaError."""
    consumer = _consumer(kafka, _POLL_MS)
    await consumer.start()
    consumer.assign([TopicPartition(topic, 0)])
    try:
        while True:
            fetched = await consumer.getmany(timeout_ms=_POLL_MS)
            await hear([record for records in fetched.values() for record in records])
    finally:
        await consumer.stop()


def _consumer(kafka: KafkaSettings, wait_ms: int) -> AIOKafkaConsumer:
    from stream.engine.app import security  # the engine imports this file

    return AIOKafkaConsumer(
        bootstrap_servers=kafka.brokers,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        fetch_max_wait_ms=wait_ms,
        **security(kafka),
    )


async def _to_end(consumer: AIOKafkaConsumer, tp: TopicPartition) -> list[tuple[bytes, bytes]]:
    """The end is what a fetch reports, since some brokers list another."""
    consumer.assign([tp])
    told: list[tuple[bytes, bytes]] = []
    while (end := consumer.highwater(tp)) is None or await consumer.position(tp) < end:
        for records in (await consumer.getmany(timeout_ms=_ANSWER_MS)).values():
            told += [(record.key or b"", record.value or b"") for record in records]
    return told
