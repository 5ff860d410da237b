"""The word that a model's stages have changed: from whoever changed them to every worker, over a compacted topic.

It says no more than where to look. What serves is for the registry to say, and each worker asks its own: so whoever
can write to the topic can make workers look, and nothing else.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import msgspec
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

if TYPE_CHECKING:
    from config.sections import KafkaSettings

MODEL: Final = b"model/"
_SEND_SECONDS: Final = 10.0


class Announcement(msgspec.Struct, frozen=True, forbid_unknown_fields=False):
    """A model of the registry, and how many changes of stage it has had; 0 where only a version was added."""

    name: str
    number: int = 0
    author: str = ""

    @property
    def key(self) -> bytes:
        """What it is kept under: of each model the last word counts."""
        return MODEL + self.name.encode()


def announce(kafka: KafkaSettings, announcement: Announcement) -> None:
    """Tell every worker. Raises `TopicError`, in one line, when Kafka does not take it."""
    asyncio.run(_announce(kafka, announcement))


def read_announcement(value: bytes | None) -> Announcement | None:
    """What was told; None for what is no announcement."""
    try:
        return msgspec.json.decode(value or b"", type=Announcement)
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
