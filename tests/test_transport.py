"""The batch transport: what it takes from Faust's private parts, and the rules it promises."""

from __future__ import annotations

import asyncio
import inspect
from contextlib import asynccontextmanager
from importlib.metadata import version

import faust
import numpy as np
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.consumer.fetcher import Fetcher, PartitionRecords
from aiokafka.consumer.subscription_state import TopicPartitionState
from aiokafka.structs import ConsumerRecord
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport.consumer import Consumer, ConsumerThread
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from pydantic import SecretStr

from stream.engine.app import create_app, security
from stream.engine.in_flight import BATCHES_IN_FLIGHT, Batch
from stream.engine.topics import ensure_topics
from stream.record import StoredRecord
from tests.parts.every_order import Judged

# --- the private methods that we stand on --------------------------------------------------------


def test_faust_is_the_version_whose_private_methods_are_used():
    assert version("faust-streaming") == "0.15.3"


@pytest.mark.parametrize(
    ("owner", "method", "parameters"),
    [
        (driver.Consumer, "_new_consumer_thread", ["self"]),
        (driver.Consumer, "_getmany", ["self", "active_partitions", "timeout"]),
        (driver.Consumer, "_filter_tps_with_pending_acks", ["self", "topics"]),
        (driver.Consumer, "_new_offset", ["self", "tp"]),
        (driver.Consumer, "on_partitions_revoked", ["self", "revoked"]),
        (driver.Consumer, "on_partitions_assigned", ["self", "assigned", "generation_id"]),
        (driver.Consumer, "perform_seek", ["self"]),
        (driver.Consumer, "commit", ["self", "topics", "start_new_transaction"]),
        (driver.AIOKafkaConsumerThread, "_create_consumer", ["self", "loop"]),
        (driver.AIOKafkaConsumerThread, "_ensure_consumer", ["self"]),
        (
            driver.AIOKafkaConsumerThread,
            "_fetch_records",
            ["self", "consumer", "active_partitions", "timeout", "max_records"],
        ),
        (PartitionRecords, "_consumer_record", ["self", "tp", "record"]),
        (Fetcher, "_proc_fetch_request", ["self", "assignment", "node_id", "request"]),
        (faust.App, "_create_directories", ["self"]),
        (TableManager, "_update_channels", ["self"]),
    ],
)
def test_a_method_of_faust_that_we_override_or_call_is_as_we_know_it(owner, method, parameters):
    assert list(inspect.signature(getattr(owner, method)).parameters) == parameters


def test_faust_fetches_commits_and_revokes_through_the_methods_that_we_override():
    assert "self._getmany(" in inspect.getsource(Consumer._wait_next_records)
    assert "self._filter_tps_with_pending_acks(" in inspect.getsource(Consumer.force_commit)
    assert "self._new_offset(" in inspect.getsource(Consumer._filter_committable_offsets)
    assert "consumer.on_partitions_revoked" in inspect.getsource(ConsumerThread.on_partitions_revoked) or (
        "threadsafe_partitions_revoked" in inspect.getsource(ConsumerThread.on_partitions_revoked)
    )
    assert "self._fetch_records" in inspect.getsource(driver.AIOKafkaConsumerThread.getmany)
    assert "self._create_consumer(" in inspect.getsource(driver.AIOKafkaConsumerThread.on_start)
    assert "consumer.perform_seek()" in inspect.getsource(Recovery._resume_streams)
    assert "self._read_offset" in inspect.getsource(Consumer.perform_seek)


async def test_aiokafka_keeps_its_fetch_wait_and_its_generation_where_we_look_for_them():
    consumer = AIOKafkaConsumer(fetch_max_wait_ms=123, group_id="group")
    assert consumer._fetch_max_wait_ms == 123
    assert "_fetch_max_wait_ms" in inspect.getsource(AIOKafkaConsumer.start)
    assert "_coordinator.generation" in inspect.getsource(driver.ConsumerRebalanceListener)
    assert consumer._subscription.subscription is None
    state = TopicPartitionState(assignment=None)
    assert (state.highwater, state.has_valid_position) == (None, False)
    state.reset_to(7)
    assert state.position == 7


# --- the rules, on a real broker -----------------------------------------------------------------


class Remember:
    clock_ms = 0

    def __init__(self) -> None:
        self.batches: list[tuple[int, list[int]]] = []
        self.waits: list[bool] = []
        self.kinds: set[type] = set()

    def process(self, partition, records, *, wait, more):
        self.kinds |= {type(record) for record in records}
        self.waits.append(wait)
        self.batches.append((partition, [record.offset for record in records]))
        return Judged(events=len(records))

    def advance(self, now_ms):
        return Judged()

    finish = advance


@pytest.fixture
def settings(settings):
    own = {"session_timeout_seconds": 2.0, "commit_interval_seconds": 60.0}
    small = {"fetch_max_wait_ms": 17, "max_poll_records": 40}
    return settings.model_copy(update={"kafka": settings.kafka.model_copy(update=own | small)})


@asynccontextmanager
async def started(settings, judge):
    await ensure_topics(settings, security(settings.kafka))
    app = create_app(settings, judge)
    await app.start()
    try:
        yield app
    finally:
        await _leave(app)


async def send(settings, count: int) -> None:
    """`count` records to each partition."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka.brokers, linger_ms=5)
    await producer.start()
    sends = [
        await producer.send(settings.kafka.orders_topic, b"%d" % number, partition=partition)
        for number in range(count)
        for partition in range(settings.kafka.partitions)
    ]
    await asyncio.gather(*sends)
    await producer.stop()


async def committed(settings, partition: int) -> int | None:
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.kafka.brokers, group_id=settings.kafka.group)
    await consumer.start()
    offset = await consumer.committed(TopicPartition(settings.kafka.orders_topic, partition))
    await consumer.stop()
    return offset or None


async def until(condition, seconds: float = 15.0) -> None:
    async with asyncio.timeout(seconds):
        while not condition():  # noqa: ASYNC110  # what is waited for has no event
            await asyncio.sleep(0.02)


async def test_batches_hold_one_partition_in_order_and_no_more_than_was_asked_for(settings):
    judge = Remember()
    async with started(settings, judge) as app:
        assert app.orders._fetch_thread._consumer._fetch_max_wait_ms == 17
        await send(settings, 100)
        await until(lambda: sum(len(offsets) for _, offsets in judge.batches) == 400)
        await until(lambda: app.orders.caught_up)
        assert app.orders.quiet_seconds < 10
    assert max(len(offsets) for _, offsets in judge.batches) <= 40
    assert ConsumerRecord not in judge.kinds, "aiokafka's second object of a record is spared"
    for partition in range(4):
        read = [offset for owner, offsets in judge.batches if owner == partition for offset in offsets]
        assert read == list(range(100))


async def test_every_batch_but_the_last_says_that_there_is_more_to_wait_for(settings):
    judge = Remember()
    await ensure_topics(settings, security(settings.kafka))
    await send(settings, 100)
    async with started(settings, judge) as app:
        await until(lambda: app.orders.caught_up)
        await until(lambda: sum(len(offsets) for _, offsets in judge.batches) == 400)
    assert judge.waits == [True] * (len(judge.waits) - 1) + [False]


async def test_only_what_was_marked_done_is_committed_and_at_most_so_many_are_in_flight(settings):
    judge = Remember()
    await ensure_topics(settings, security(settings.kafka))
    await send(settings, 1000)
    app = create_app(settings, judge)
    taken: list[Batch] = []

    async def hold(batch: Batch) -> None:
        taken.append(batch)

    app.flow.judge = hold  # what the agent calls: take each batch and leave it unmarked
    await app.start()
    try:
        await until(lambda: len(taken) == BATCHES_IN_FLIGHT)
        await asyncio.sleep(0.5)
        assert len(taken) == BATCHES_IN_FLIGHT
        assert not app.orders.caught_up
        await app.orders.commit()
        assert [await committed(settings, partition) for partition in range(4)] == [None] * 4

        first = taken[0]
        app.orders.mark_done(first)
        await app.orders.commit()
        assert await committed(settings, first.tp.partition) == first.next_offset == 40
        await until(lambda: len(taken) == BATCHES_IN_FLIGHT + 1)  # room for one more

        app.orders.mark_done(Batch(first.tp, [StoredRecord(b"", None, 999)], first.generation - 1))
        await app.orders.commit()
        assert await committed(settings, first.tp.partition) == 40
        assert not await app.orders.finish(0.1)
    finally:
        await _leave(app)


async def test_a_second_worker_stands_by_and_takes_over_without_a_record_lost_or_read_twice(settings):
    patient = settings.kafka.model_copy(update={"session_timeout_seconds": 4.0})
    settings = settings.model_copy(update={"kafka": patient})
    first, second = Remember(), Remember()
    async with started(settings, first):
        await send(settings, 25)
        await until(lambda: sum(len(offsets) for _, offsets in first.batches) == 100)
        app = await _join(settings, second)
        await send(settings, 25)
        await until(lambda: sum(len(offsets) for _, offsets in first.batches) == 200)
        assert not second.batches, "all partitions stay with the one that has them"
        assert not app.orders.caught_up
        assert app.orders.is_member  # what /readyz goes by: it stands by
    try:
        await send(settings, 25)
        await until(lambda: sum(len(offsets) for _, offsets in second.batches) >= 100)
    finally:
        await _leave(app)
    for partition in range(4):
        owners = first.batches + second.batches
        read = sorted(offset for owner, offsets in owners if owner == partition for offset in offsets)
        assert read == list(range(75))


async def _leave(app):
    await app.stop()
    await app.alert_channel.close()


async def _join(settings, judge):
    app = create_app(settings, judge)
    await app.start()
    return app


async def test_a_batch_that_went_with_the_last_share_does_not_keep_the_next_one_waiting(settings):
    judge = Remember()
    async with started(settings, judge) as app:
        await send(settings, 10)
        await until(lambda: sum(len(offsets) for _, offsets in judge.batches) == 40)
        app.orders._in_flight.begin()  # not drained in time, and cleared from the channel by Faust
        await app.orders.on_partitions_assigned(app.orders.assignment(), app.consumer_generation_id)
        await app.orders.perform_seek()
        await send(settings, 10)
        await until(lambda: sum(len(offsets) for _, offsets in judge.batches) >= 80)


class Learning(Remember):
    """One with a state: how many records it judged."""

    restored = 0
    has_judged_blank = False

    def process(self, *args, **kwargs):
        self.has_judged_blank |= not self.restored
        return super().process(*args, **kwargs)

    def get_state(self):
        return {"judged/records": np.array([sum(len(offsets) for _, offsets in self.batches)])}

    def set_state(self, state):
        self.restored += 1


async def test_the_state_is_taken_over_once_a_generation_however_often_faust_seeks(settings):
    checkpoint = settings.checkpoint.model_copy(update={"on": True})
    judge = Learning()
    async with started(settings.model_copy(update={"checkpoint": checkpoint}), judge) as app:
        await send(settings, 10)
        await until(lambda: sum(len(offsets) for _, offsets in judge.batches) == 40)
        restored, position = judge.restored, dict(app.orders._read_offset)
        await asyncio.gather(app.orders.perform_seek(), app.orders.perform_seek())
        assert (judge.restored, app.orders._read_offset) == (restored, position)
        await send(settings, 10)
        await until(lambda: sum(len(offsets) for _, offsets in judge.batches) == 80)


async def test_a_seek_before_the_share_is_told_takes_nothing_over_so_the_next_one_does(settings, monkeypatch):
    checkpoint = settings.checkpoint.model_copy(update={"on": True})
    judge = Learning()
    async with started(settings.model_copy(update={"checkpoint": checkpoint}), judge) as app:
        await send(settings, 10)
        await until(lambda: sum(len(offsets) for _, offsets in judge.batches) == 40)
        app.orders._sought, restored = None, judge.restored
        with monkeypatch.context() as untold:
            untold.setattr(app.orders, "_assigned", set)
            await app.orders.perform_seek()
        assert judge.restored == restored
        await app.orders.perform_seek()
        assert judge.restored == restored + 1


async def test_a_member_that_stood_by_judges_nothing_before_it_has_the_state(settings, monkeypatch):
    """Faust stops the flow of a member that loses partitions; that of one that had none goes on while it seeks."""
    on = {"checkpoint": settings.checkpoint.model_copy(update={"on": True})}
    settings = settings.model_copy(update=on)
    first, second = Learning(), Learning()
    async with started(settings, first):
        await send(settings, 25)
        await until(lambda: sum(len(offsets) for _, offsets in first.batches) == 100)
        app = await _join(settings, second)
        await until(lambda: app.orders.is_member)
        load = app.orders._checkpointer.load

        async def load_slowly(position):
            await asyncio.sleep(1.5)  # Faust asks for records once a second
            return await load(position)

        monkeypatch.setattr(app.orders._checkpointer, "load", load_slowly)
        await asyncio.sleep(1.5)  # it has found nothing to read, and so waits
    try:
        await send(settings, 25)
        await until(lambda: sum(len(offsets) for _, offsets in second.batches) >= 100)
    finally:
        await _leave(app)
    assert not second.has_judged_blank
    for partition in range(4):
        assert [at for owner, offsets in second.batches if owner == partition for at in offsets] == list(range(25, 50))


async def test_records_of_a_fetch_that_a_rebalance_overtook_are_given_back_once(settings):
    judge = Remember()
    async with started(settings, judge) as app:
        await send(settings, 10)
        await until(lambda: sum(len(offsets) for _, offsets in judge.batches) == 40)
        tp = TP(settings.kafka.orders_topic, 0)
        thread = app.orders._fetch_thread
        await thread.give_back({tp: 4}, thread.look.generation - 1)  # overtaken: the position stands
        assert await app.orders.position(tp) == 10
        app.orders._read_offset[tp] = 4
        await thread.give_back({tp: 4}, thread.look.generation)
        await until(lambda: (0, [4, 5, 6, 7, 8, 9]) in judge.batches)


# --- settings in Faust's words -------------------------------------------------------------------


async def test_the_environment_of_the_machine_does_not_reach_faust(settings, monkeypatch):
    monkeypatch.setenv("BROKER_URL", "kafka://elsewhere:9092")
    monkeypatch.setenv("WEB_ENABLED", "1")
    conf = create_app(settings, Remember()).conf
    assert str(conf.broker[0]) == f"kafka://{settings.kafka.brokers}"
    assert not conf.web_enabled


async def test_several_brokers_and_the_group_are_passed_on(settings):
    several = settings.kafka.model_copy(update={"brokers": "one:9092,two:9093"})
    conf = create_app(settings.model_copy(update={"kafka": several}), Remember()).conf
    assert [str(url) for url in conf.broker] == ["kafka://one:9092", "kafka://two:9093"]
    assert conf.id == settings.kafka.group


@pytest.mark.parametrize(
    ("protocol", "has_tls", "has_user"),
    [
        ("PLAINTEXT", False, False),
        ("SSL", True, False),
        ("SASL_PLAINTEXT", False, True),
        ("SASL_SSL", True, True),
    ],
)
def test_credentials_reach_the_kafka_client(settings, protocol, has_tls, has_user):
    secrets = {"sasl_username": SecretStr("user"), "sasl_password": SecretStr("pass")}
    kafka = settings.kafka.model_copy(
        update={"security_protocol": protocol, "sasl_mechanism": "SCRAM-SHA-256", **secrets}
    )
    arguments = security(kafka)
    assert arguments["security_protocol"] == protocol
    assert (arguments.get("ssl_context") is not None) == has_tls
    assert (arguments.get("sasl_plain_username"), arguments.get("sasl_mechanism")) == (
        ("user", "SCRAM-SHA-256") if has_user else (None, None)
    )
    assert arguments.get("sasl_plain_password") == ("pass" if has_user else None)
