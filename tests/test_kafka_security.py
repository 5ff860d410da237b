"""A worker on Apache Kafka with TLS and SCRAM: it gets in with its password, nobody gets in with another."""

from __future__ import annotations

import asyncio

import pytest
from pydantic import SecretStr

from stream.embedded import Services
from stream.engine.app import security
from stream.engine.topics import TopicError, ensure_topics
from stream.engine.worker import run_worker
from stream.produce import produce
from tests.parts.broker_properties import SecureListener
from tests.parts.certificates import make_certificate
from tests.parts.every_order import EveryOrder, orders
from tests.parts.kafka_cluster import KafkaCluster
from tests.parts.needs import program
from tests.parts.redis_server import RedisServer
from tests.parts.services import settings_on
from tests.parts.traffic import delivered

pytestmark = [pytest.mark.parts, pytest.mark.real]


@pytest.fixture(scope="module")
def secure(tmp_path_factory):
    return SecureListener(make_certificate(tmp_path_factory.mktemp("tls")), "orderwatch", "correct-horse")


@pytest.fixture(scope="module")
def services(secure):
    with KafkaCluster(secure=secure) as cluster, RedisServer(program("redis-server")) as redis:
        yield Services(cluster.secure_brokers, redis.url)


@pytest.fixture
def settings(services, secure):
    settings = settings_on(services)
    access = {
        "security_protocol": "SASL_SSL",
        "sasl_mechanism": "SCRAM-SHA-256",
        "sasl_username": SecretStr(secure.username),
        "sasl_password": SecretStr(secure.password),
        "ssl_cafile": str(secure.certificate.cafile),
    }
    return settings.model_copy(update={"kafka": settings.kafka.model_copy(update=access)})


def changed(settings, **kafka):
    return settings.model_copy(update={"kafka": settings.kafka.model_copy(update=kafka)})


def test_a_worker_with_the_password_and_the_authority_reads_judges_and_publishes(settings):
    asyncio.run(produce(orders(100), settings))
    summary = run_worker(settings, EveryOrder(), until_caught_up=True)
    assert (summary.events, summary.delivered) == (100, 101)
    assert len(delivered(settings)) == 101


def test_a_wrong_password_is_one_line_that_does_not_hold_it(settings):
    stranger = changed(settings, sasl_password=SecretStr("wrong-donkey"))
    with pytest.raises(TopicError) as raised:
        run_worker(stranger, EveryOrder(), until_caught_up=True)
    assert "\n" not in str(raised.value)
    assert settings.kafka.brokers in str(raised.value)
    assert "wrong-donkey" not in repr(raised.value.__cause__) + str(raised.value)


def test_a_broker_whose_certificate_is_not_of_our_authority_is_refused(settings):
    with pytest.raises(TopicError):  # the machine's own authorities did not sign it
        asyncio.run(_ensure(changed(settings, ssl_cafile=None)))


def test_without_tls_the_secured_port_answers_nobody(settings):
    with pytest.raises(TopicError):
        asyncio.run(_ensure(changed(settings, security_protocol="SASL_PLAINTEXT")))


async def _ensure(settings) -> None:
    await ensure_topics(settings, security(settings.kafka))
