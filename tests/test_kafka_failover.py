"""Three brokers of Apache Kafka, three copies of each message, and brokers that die: every alert, each once."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import pytest

from stream.embedded import Services
from stream.engine.topics import ensure_topics
from stream.engine.worker import run_worker
from tests.parts.every_order import EveryOrder, orders
from tests.parts.kafka_cluster import KafkaCluster
from tests.parts.needs import program
from tests.parts.redis_server import RedisServer
from tests.parts.services import settings_on
from tests.parts.traffic import committed, delivered, read, send, wait_until

pytestmark = [
    pytest.mark.parts,
    pytest.mark.real,
    pytest.mark.timeout(300),  # a client may need a minute to see that a broker died
]

COUNT = 1500


@pytest.fixture(scope="module")
def cluster():
    with KafkaCluster(3) as cluster:
        yield cluster


@pytest.fixture(scope="module")
def redis_url():
    with RedisServer(program("redis-server")) as redis:
        yield redis.url


@pytest.fixture
def settings(cluster, redis_url):
    settings = settings_on(Services(cluster.brokers, redis_url))
    own = {"replication_factor": 3, "commit_interval_seconds": 0.2, "max_poll_records": 50}
    return settings.model_copy(update={"kafka": settings.kafka.model_copy(update=own)})


def of_orders(settings):
    return [entry for entry in delivered(settings) if not entry.id.startswith("silence")]


def run_through(settings, fault) -> None:
    """Run a worker, call `fault` when it is in the middle of its log, and stop it when all was delivered."""
    asyncio.run(ensure_topics(settings, {}))
    values = orders(COUNT)

    def direct() -> None:
        try:
            with ThreadPoolExecutor(1) as pool:
                sending = pool.submit(send, settings, values, pace_seconds=0.004, once=True)
                wait_until(lambda: len(of_orders(settings)) > COUNT // 5)
                fault()
                sending.result()
            wait_until(lambda: len(of_orders(settings)) >= COUNT)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    with ThreadPoolExecutor(1) as pool:
        directed = pool.submit(direct)
        run_worker(settings, EveryOrder())
        directed.result()


def check_all_once(settings) -> None:
    """What an undisturbed run leaves: each order's alert, in Redis once and in the order of its log, all committed."""
    entries = of_orders(settings)
    assert Counter(entry.data for entry in entries) == Counter(orders(COUNT))
    assert len({entry.id for entry in entries}) == COUNT
    for partition in range(settings.kafka.partitions):  # in the order of their log
        offsets = [int(entry.id.split("-")[1]) for entry in entries if entry.id.startswith(f"{partition}-")]
        assert offsets == list(range(len(offsets)))
    assert sum(committed(settings).values()) == COUNT
    # in Kafka an alert may stand twice, when the broker died or slept before it could say that it had it
    published = {each.value for each in read(settings, settings.kafka.alerts_topic)}
    assert published - {b"{}"} == set(orders(COUNT))  # but for silence


def test_topics_have_three_copies_and_their_leaders_when_they_are_said_to_be_there(cluster, settings):
    asyncio.run(ensure_topics(settings, {}))
    kafka = settings.kafka
    for topic in (kafka.orders_topic, kafka.dlq_topic, kafka.alerts_topic):
        partitions = cluster.partitions(topic)
        assert sorted(partitions) == [0, 1, 2, 3]
        assert all(sorted(each.replicas) == [1, 2, 3] for each in partitions.values())
        assert all(each.leader in cluster.ids for each in partitions.values())


def test_the_leader_of_an_orders_partition_is_killed(cluster, settings):
    killed = []

    def kill_leader() -> None:
        killed.append(cluster.leader(settings.kafka.orders_topic, 0))
        cluster.kill(*killed)

    run_through(settings, kill_leader)
    assert cluster.leader(settings.kafka.orders_topic, 0) not in {-1, *killed}
    check_all_once(settings)
    cluster.start(*killed)
    cluster.wait_until_in_sync(settings.kafka.orders_topic)


def test_the_leader_freezes_until_another_one_is_elected(cluster, settings):
    def freeze_leader() -> None:
        topic = settings.kafka.orders_topic
        frozen = cluster.leader(topic, 0)
        cluster.pause(frozen)
        try:
            wait_until(lambda: cluster.leader(topic, 0, besides=frozen) not in {-1, frozen}, 30.0)
        finally:
            cluster.resume(frozen)

    run_through(settings, freeze_leader)
    check_all_once(settings)
    cluster.wait_until_in_sync(settings.kafka.orders_topic)


def test_each_broker_in_turn_is_stopped_and_started_again(cluster, settings):
    def roll() -> None:
        for number in cluster.ids:
            cluster.stop(number)
            cluster.start(number)
            cluster.wait_until_in_sync(settings.kafka.orders_topic)

    run_through(settings, roll)
    check_all_once(settings)


def test_all_brokers_are_killed_at_once_and_come_back(cluster, settings):
    def blackout() -> None:
        cluster.kill(*cluster.ids)
        threading.Event().wait(1.0)
        cluster.start(*cluster.ids)

    run_through(settings, blackout)
    check_all_once(settings)
