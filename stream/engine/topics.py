"""Makes the topics that are missing, and refuses an orders topic with an unexpected number of partitions."""

from __future__ import annotations

import asyncio
from time import monotonic
from typing import TYPE_CHECKING, Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    KafkaError,
    LeaderNotAvailableError,
    ReplicaNotAvailableError,
    TopicAlreadyExistsError,
    UnknownTopicOrPartitionError,
    for_code,
)

from stream.checkpoint.topic import CONFIG, name_of
from stream.shuffle import topic as slices

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.sections import KafkaSettings
    from config.settings import Settings

_HEADER_BYTES = 65_536  # what a dead letter needs beyond the event's own bytes: headers, framing
_CONNECT_SECONDS = 15
_LOOK_SECONDS = 0.05
_POLICY = "cleanup.policy"
_NOT_YET = (UnknownTopicOrPartitionError, LeaderNotAvailableError)


class TopicError(RuntimeError):
    """Kafka is not reachable, or a topic is not as it must be; the message is one line and names the knob."""


async def ensure_topics(settings: Settings, security: Mapping[str, Any]) -> None:
    """Create what is missing of the orders, dead-letter, alerts, and (where they are on) feature and state topics.

    `security` holds the client's TLS and SASL arguments. Topics that exist are left as they are. Raises
    `TopicError` if Kafka does not answer, a topic cannot be made, the orders' or the state's number of partitions is
    another than that of the settings, or the state's topic is not compacted.
    """
    kafka = settings.kafka
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.brokers, request_timeout_ms=_CONNECT_SECONDS * 1000, **security)
    try:
        await admin.start()
        created = await _create(admin, _wanted(settings))
        checked = [kafka.orders_topic, *([name_of(kafka)] if settings.checkpoint.on else [])]
        partitions = await _described(admin, sorted({*checked, *created}))
        for topic in checked:
            _check(topic, partitions[topic], kafka.partitions)
        if settings.checkpoint.on and name_of(kafka) not in created:
            await _check_compacted(admin, name_of(kafka))
    except (KafkaError, OSError, TimeoutError) as error:
        raise TopicError(f"Kafka at {kafka.brokers} (kafka.brokers): {error}") from error
    finally:
        await admin.close()


async def ensure_small_topic(kafka: KafkaSettings, topic: str, security: Mapping[str, Any]) -> None:
    """Create a topic of one partition, of control or of feedback, if it is missing. Raises `TopicError`."""
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.brokers, request_timeout_ms=_CONNECT_SECONDS * 1000, **security)
    try:
        await admin.start()
        for name in await _create(admin, [_small(kafka, topic)]):
            await _described(admin, [name])
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
    if settings.feature_log.on:
        named.append((settings.feature_log.topic, {}))
    if settings.checkpoint.on:
        named.append((name_of(kafka), dict(CONFIG)))
    topics = [
        NewTopic(name, kafka.partitions, kafka.replication_factor, topic_configs=configs) for name, configs in named
    ]
    if settings.shuffle.on:
        topics.append(NewTopic(slices.name_of(kafka), 1, kafka.replication_factor, topic_configs=dict(slices.CONFIG)))
    told = settings.feedback.on
    small = {kafka.control_topic: settings.models.registry or told, settings.feedback.topic: told}
    return [*topics, *(_small(kafka, name) for name, is_on in small.items() if is_on)]


def _small(kafka: KafkaSettings, topic: str) -> NewTopic:
    """One partition: what is told there is told in one order, and kept."""
    configs = {"cleanup.policy": "compact"} if topic == kafka.control_topic else {"retention.ms": "-1"}
    return NewTopic(topic, 1, kafka.replication_factor, topic_configs=configs)


async def _create(admin: AIOKafkaAdminClient, wanted: list[NewTopic]) -> list[str]:
    """Create what is missing; return the names."""
    there = set(await admin.list_topics())
    missing = [topic for topic in wanted if topic.name not in there]
    if not missing:
        return []  # not even asked for: a worker in production may not be allowed to create topics
    response = await admin.create_topics(missing)
    for name, code, *reason in response.topic_errors:
        if code not in {0, TopicAlreadyExistsError.errno}:
            detail = f"{for_code(code).__name__} {reason[0] if reason else ''}".strip()
            raise TopicError(f"Kafka did not create topic {name}: {detail}")
    return [topic.name for topic in missing]


async def _described(admin: AIOKafkaAdminClient, names: list[str]) -> dict[str, int]:
    """The number of partitions of each topic, once every partition has a leader.

    The broker that is asked hears of a topic a moment after it was made, and of its leaders a moment later.
    """
    deadline = monotonic() + _CONNECT_SECONDS
    while True:
        topics = {each["topic"]: each for each in await admin.describe_topics(names)}
        codes = {name: _error_code(topics[name]) for name in names}
        unready = [name for name, code in codes.items() if code]
        if not unready:
            return {name: len(topics[name]["partitions"]) for name in names}
        name, error = unready[0], for_code(codes[unready[0]])
        if not issubclass(error, _NOT_YET) or monotonic() > deadline:
            raise TopicError(f"Kafka does not describe topic {name}: {error.__name__}")
        await asyncio.sleep(_LOOK_SECONDS)


def _error_code(topic: Mapping[str, Any]) -> int:
    codes = [topic["error_code"], *(each["error_code"] for each in topic["partitions"])]
    return next((code for code in codes if code not in {0, ReplicaNotAvailableError.errno}), 0)


def _check(topic: str, found: int, partitions: int) -> None:
    if found != partitions:
        raise TopicError(
            f"topic {topic} has {found} partitions and kafka.partitions is {partitions}: "
            "the number is part of a log's identity, set kafka.partitions to what the topic has"
        )


async def _check_compacted(admin: AIOKafkaAdminClient, topic: str) -> None:
    """Refuse a topic that would forget the state by its age. A broker that does not say how it keeps it is believed."""
    asked = ConfigResource(ConfigResourceType.TOPIC, topic, configs={_POLICY: ""})
    try:
        responses = await admin.describe_configs([asked])
    except KafkaError:
        return
    entries = [entry for response in responses for *_, found in response.resources for entry in found]
    for _, policy, *_ in entries:
        if policy and "compact" not in policy:
            raise TopicError(
                f"topic {topic} has {_POLICY}={policy} and would forget the state: "
                f"give it {_POLICY}=compact, or set checkpoint.on: false"
            )
