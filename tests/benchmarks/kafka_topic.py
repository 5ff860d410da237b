"""Fills topics of the embedded broker, keyed as the shop's own producer would key them."""

from __future__ import annotations

import uuid
from typing import TYPE_CHECKING

from confluent_kafka import KafkaError, Producer
from confluent_kafka import Message as Delivery
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.benchmarks.workload import Message

PARTITIONS = 4
_SEND_SECONDS = 60.0


def fill_topic(brokers: str, name: str, messages: Sequence[Message]) -> str:
    """Make a topic of four partitions that holds `messages`; returns its name, which no other run has."""
    topic = make_topic(brokers, name)
    producer = Producer(
        {
            "bootstrap.servers": brokers,
            "log_level": 3,  # errors
            "partitioner": "murmur2_random",
            "linger.ms": 50,
            "batch.size": 256 << 10,
            "queue.buffering.max.messages": len(messages) + 1,
            "queue.buffering.max.kbytes": 1 << 20,
        }
    )
    lost = Lost()
    for message in messages:
        producer.produce(topic, message.value, message.key, on_delivery=lost.note)
    producer.flush(_SEND_SECONDS)
    lost.refuse()
    return topic


def make_topic(brokers: str, name: str) -> str:
    """Make an empty topic of four partitions; returns its name, which no other run has."""
    topic = unique(name)
    admin = AdminClient({"bootstrap.servers": brokers})
    for made in admin.create_topics([NewTopic(topic, PARTITIONS, 1)]).values():
        made.result()
    return topic


def unique(name: str) -> str:
    """A name that no other run has: groups and topics of earlier runs live on in the broker."""
    return f"{name}-{uuid.uuid4().hex[:8]}"


class Lost:
    """Counts messages that the broker did not take: a benchmark of fewer events would flatter."""

    def __init__(self) -> None:
        self._errors: list[str] = []

    def note(self, error: KafkaError | None, _delivery: Delivery) -> None:
        """Take the producer's report on one message."""
        if error is not None:
            self._errors.append(str(error))

    def refuse(self) -> None:
        """Raise if any message was lost."""
        if self._errors:
            raise RuntimeError(f"{len(self._errors)} messages were not taken; first: {self._errors[0]}")
