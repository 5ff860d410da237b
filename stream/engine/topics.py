"""Makes the topics that are missing, and refuses an orders topic with an unexpected number of partitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.settings import Settings

_HEADER_BYTES = 65_536  # what a dead letter needs beyond the event's own bytes: headers, framing
_CONNECT_SECONDS = 15


class TopicError(RuntimeError):
    """Kafka is not reachable, or a topic is not as it must be; the message is one line and names the knob."""


async def ensure_topics(settings: Settings, security: Mapping[str, Any]) -> None:
    """Create what is missing of the orders, dead-letter and alerts topics, and check the orders topic.

    `security` holds the client's TLS and SASL arguments. Topics that exist are left as they are. Raises
    `TopicError` if Kafka does not answer, a topic cannot be made, or the number of partitions differs.
    """
    kafka = settings.kafka
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.brokers, request_timeout_ms=_CONNECT_SECONDS * 1000, **security)
    try:
        await admin.start()
        await _create(admin, _wanted(settings))
        await _check(admin, kafka.orders_topic, kafka.partitions)
    except (KafkaError, OSError, TimeoutError) as error:
        raise TopicError(f"Kafka at {kafka.brokers} (kafka.brokers): {error}") from error
    finally:
        await admin.close()


def _wanted(settings: Settings) -> list[NewTopic]:
    kafka = settings.kafka
    letters = {"max.message.bytes": str(settings.decode.max_event_bytes + _HEADER_BYTES)}
    named: list[tuple[str, dict[str, str]]] = [
        (kafka.orders_topic, {}),
        (kafka.dlq_topic, letters),
        (kafka.alerts_topic, {}),
    ]
    return [
        NewTopic(name, kafka.partitions, kafka.replication_factor, topic_configs=configs) for name, configs in named
    ]


async def _create(admin: AIOKafkaAdminClient, wanted: list[NewTopic]) -> None:
    there = set(await admin.list_topics())
    missing = [topic for topic in wanted if topic.name not in there]
    if not missing:
        return  # not even asked for: a worker in production may not be allowed to create topics
    response = await admin.create_topics(missing)
    for name, code, *reason in response.topic_errors:
        if code not in {0, TopicAlreadyExistsError.errno}:
            detail = f"{for_code(code).__name__} {reason[0] if reason else ''}".strip()
            raise TopicError(f"Kafka did not create topic {name}: {detail}")


async def _check(admin: AIOKafkaAdminClient, topic: str, partitions: int) -> None:
    described = await admin.describe_topics([topic])
    found = len(described[0]["partitions"])
    if found != partitions:
        raise TopicError(
            f"topic {topic} has {found} partitions and kafka.partitions is {partitions}: "
            "the number is part of a log's identity, set kafka.partitions to what the topic has"
        )
