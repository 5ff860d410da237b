"""The two kinds of parts that the integration tests run on: the embedded ones, and the real ones."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from config.settings import load
from stream import embedded
from stream.embedded import Services, embedded_services
from stream.engine.worker import on_embedded
from tests.parts.kafka_cluster import KafkaCluster
from tests.parts.needs import program
from tests.parts.redis_server import RedisServer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from config.settings import Settings


@dataclass(frozen=True, slots=True)
class Parts:
    """`kind`: "embedded" or "real". `redis_binary`: for a test that wants a server of the kind for itself."""

    kind: str
    services: Services
    redis_binary: str


@contextmanager
def embedded_parts() -> Iterator[Parts]:
    """The broker and the Valkey server that come as Python packages."""
    with embedded_services() as services:
        yield Parts("embedded", services, embedded._redis_binary())


@contextmanager
def real_parts() -> Iterator[Parts]:
    """One Apache Kafka broker and a redis-server."""
    binary = program("redis-server")
    with KafkaCluster() as kafka, RedisServer(binary) as redis:
        yield Parts("real", Services(kafka.brokers, redis.url), binary)


def settings_on(services: Services) -> Settings:
    """Settings on the parts, with topics, a group, a stream and a channel that no other test uses."""
    settings = on_embedded(load(instance="test", time={"idle_source_seconds": 0.5}), services)
    name = uuid4().hex[:8]
    topics = {"orders_topic": f"orders-{name}", "dlq_topic": f"dlq-{name}", "alerts_topic": f"alerts-{name}"}
    kafka = settings.kafka.model_copy(update={**topics, "group": f"group-{name}"})
    own = {"stream": f"alerts:{name}", "channel": f"live:{name}", "retry_seconds": 0.1}
    return settings.model_copy(update={"kafka": kafka, "redis": settings.redis.model_copy(update=own)})


def kind_of(real: bool) -> Callable[[], AbstractContextManager[Parts]]:
    """The parts that a benchmark runs on."""
    return KINDS["real" if real else "embedded"]


KINDS: Final[dict[str, Callable[[], AbstractContextManager[Parts]]]] = {
    "embedded": embedded_parts,
    "real": real_parts,
}
