"""What is said of models over a compacted topic: that one has changed, to all workers; and how challengers do, by them.

Word of a change says no more than where to look. What serves is for the registry to say, and each worker asks its own:
so whoever can write to the topic can make workers look, and nothing else.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from stream.shadow import ShadowReport

if TYPE_CHECKING:
    from config.sections import KafkaSettings

MODEL: Final = b"model/"
SHADOW: Final = b"shadow/"
_SEND_SECONDS: Final = 10.0
_ANSWER_MS: Final = 100


class Announcement(msgspec.Struct, frozen=True, forbid_unknown_fields=False):
    """A model of the registry, and how many changes of stage it has had; 0 where only a version was added."""

    name: str
    number: int = 0
    author: str = ""

    @property
    def key(self) -> bytes:
        """What it is kept under: of each model the last word counts."""
        return MODEL + self.name.encode()


def key_of(report: ShadowReport) -> bytes:
    """What a report is kept under: the last one of each life of each worker counts."""
    return SHADOW + f"{report.challenger}/{report.champion}/{report.detector}/{report.run}".encode()


def reports(kafka: KafkaSettings) -> list[ShadowReport]:
    """What workers have told of challengers. Raises `TopicError`, in one line, when Kafka does not answer."""
    return asyncio.run(_reports(kafka))


def announce(kafka: KafkaSettings, announcement: Announcement) -> None:
    """Tell every worker. Raises `TopicError`, in one line, when Kafka does not take it."""
    asyncio.run(_announce(kafka, announcement))


def read_announcement(value: bytes | None) -> Announcement | None:
    """What was told; None for what is no announcement."""
    try:
        return msgspec.json.decode(value or b"", type=Announcement)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


async def _reports(kafka: KafkaSettings) -> list[ShadowReport]:
    from stream.engine.app import security  # the engine imports this file
    from stream.engine.topics import TopicError, ensure_control_topic

    arguments = security(kafka)
    await ensure_control_topic(kafka, arguments)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=kafka.brokers, auto_offset_reset="earliest", fetch_max_wait_ms=_ANSWER_MS, **arguments
    )
    told: dict[bytes, bytes] = {}
    try:
        await consumer.start()
        async with asyncio.timeout(_SEND_SECONDS):
            await _read_to_end(consumer, TopicPartition(kafka.control_topic, 0), told)
    except (KafkaError, OSError, TimeoutError) as error:
        raise TopicError(f"Kafka at {kafka.brokers} (kafka.brokers): {error}") from error
    finally:
        await consumer.stop()
    found = [_read_report(value) for key, value in told.items() if key.startswith(SHADOW)]
    return [report for report in found if report is not None]


async def _read_to_end(consumer: AIOKafkaConsumer, tp: TopicPartition, told: dict[bytes, bytes]) -> None:
    """The last value of each key; the end is what a fetch reports, since some brokers list another."""
    consumer.assign([tp])
    while (end := consumer.highwater(tp)) is None or await consumer.position(tp) < end:
        for records in (await consumer.getmany(timeout_ms=_ANSWER_MS)).values():
            told.update({record.key or b"": record.value or b"" for record in records})


def _read_report(value: bytes) -> ShadowReport | None:
    try:
        return msgspec.json.decode(value, type=ShadowReport)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


async def _announce(kafka: KafkaSettings, announcement: Announcement) -> None:
    from stream.engine.app import security  # the engine imports this file
    from stream.engine.topics import TopicError, ensure_control_topic

    arguments = security(kafka)
    await ensure_control_topic(kafka, arguments)
    producer = AIOKafkaProducer(bootstrap_servers=kafka.brokers, acks="all", **arguments)
    try:
        await producer.start()
        async with asyncio.timeout(_SEND_SECONDS):
            await producer.send_and_wait(kafka.control_topic, msgspec.json.encode(announcement), announcement.key)
    except (KafkaError, OSError, TimeoutError) as error:
        raise TopicError(f"Kafka at {kafka.brokers} (kafka.brokers): {error}") from error
    finally:
        await producer.stop()
