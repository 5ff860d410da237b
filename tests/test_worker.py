"""One worker, from Kafka to Redis, against servers of each kind: nothing lost, nothing said twice."""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from stream.engine.in_flight import BATCHES_IN_FLIGHT
from stream.engine.topics import TopicError, ensure_topics
from stream.engine.worker import on_embedded, run_worker
from tests.parts.every_order import EveryOrder, orders
from tests.parts.redis_server import RedisServer
from tests.parts.traffic import committed, delivered, read, run_in_thread, send, wait_until, with_orders

# half a session is what the embedded broker takes to form a group of one
QUICK = {"session_timeout_seconds": 4.0, "rebalance_timeout_seconds": 8.0, "commit_interval_seconds": 0.2}


class StopWhenIdle(EveryOrder):
    """Ends its worker, as an operator would, at the second tick of silence."""

    def advance(self, now_ms):
        if self.advanced_to:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().advance(now_ms)


@pytest.fixture
def settings(settings):
    return settings.model_copy(update={"kafka": settings.kafka.model_copy(update=QUICK)})


def test_everything_is_judged_once_published_in_order_committed_and_not_read_again(settings):
    judge = EveryOrder()
    told: list[str] = []
    summary = run_worker(
        settings,
        judge,
        until_caught_up=True,
        on_ready=with_orders(settings, orders(500)),
        on_alert=lambda each: told.append(each.id),
    )
    assert (summary.events, summary.alerts, summary.delivered) == (500, 501, 501)
    assert set(judge.offsets.values()) == {1}
    entries = delivered(settings)
    assert [entry.id for entry in entries] == told
    assert entries[-1].id == "goodbye"
    assert Counter(entry.data for entry in entries) == Counter([*orders(500), b"{}"])
    for partition in range(4):  # the order of a partition is the order of its offsets
        offsets = [int(each.split("-")[1]) for each in told if each.startswith(f"{partition}-")]
        assert offsets == list(range(len(offsets)))
        assert committed(settings)[partition] == len(offsets)
    published = read(settings, settings.kafka.alerts_topic, 501)
    assert Counter(record.value for record in published) == Counter(entry.data for entry in entries)
    assert {record.key for record in published} == {b"goodbye", *(b"key-%d" % number for number in range(10))}

    again = run_worker(settings, EveryOrder(), until_caught_up=True)
    assert (again.events, again.alerts, again.delivered) == (0, 1, 0)  # "goodbye" has been said


def test_a_dead_letter_keeps_its_bytes_and_says_where_it_came_from(settings):
    values = [b'{"order_id": "1"}', b"\xff\x00 no order", b"nor this"]
    summary = run_worker(settings, EveryOrder(), until_caught_up=True, on_ready=with_orders(settings, values))
    assert (summary.events, summary.dead_letters) == (1, 2)
    letters = {letter.value: letter for letter in read(settings, settings.kafka.dlq_topic, 2)}
    letter = letters[b"\xff\x00 no order"]
    [original] = [each for each in read(settings, settings.kafka.orders_topic, 3) if each.value == letter.value]
    assert letter.key == original.key == b"key-1"
    assert dict(letter.headers) == {
        "original_topic": settings.kafka.orders_topic.encode(),
        "original_partition": b"%d" % original.partition,
        "original_offset": b"%d" % original.offset,
        "original_timestamp": b"%d" % original.timestamp,
        "error_class": b"NotJson",
        "error_message": b"expected {",
    }


def test_a_fault_of_the_judge_ends_the_worker_before_the_commit_and_the_next_one_reads_it_again(settings):
    small = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"max_poll_records": 10})})
    broken = EveryOrder(fails_at=25)
    with pytest.raises(ZeroDivisionError, match="a fault of the judge"):
        run_worker(small, broken, until_caught_up=True, on_ready=with_orders(settings, orders(400)))
    assert all(offset <= 20 for offset in committed(settings).values())

    healthy = EveryOrder()
    run_worker(settings, healthy, until_caught_up=True)
    assert set(broken.offsets) | set(healthy.offsets) == set(healthy.offsets) | {
        (partition, offset) for partition, end in committed(settings).items() for offset in range(end)
    }
    assert len(delivered(settings)) == 401
    assert Counter(entry.data for entry in delivered(settings)) == Counter([*orders(400), b"{}"])


def test_a_fault_of_whoever_listens_ends_the_worker_with_that_fault(settings):
    def listen(_) -> None:
        raise BrokenPipeError("nobody reads")

    with pytest.raises(BrokenPipeError, match="nobody reads"):
        run_worker(settings, EveryOrder(), on_ready=with_orders(settings, orders(5)), on_alert=listen)
    assert committed(settings) == {}


def test_a_letter_of_megabytes_goes_as_whole_as_the_broker_takes_it(settings, parts):
    large = b"x" * 3_000_000
    values = [b"short", large, b"short too"]
    make_topic(settings, "max.message.bytes", "4000000")  # orders may be that long; our topic for letters takes less
    run_worker(settings, EveryOrder(), until_caught_up=True, on_ready=with_orders(settings, values))
    letters = {letter.value: dict(letter.headers) for letter in read(settings, settings.kafka.dlq_topic, 3)}
    kept = {"embedded": large, "real": large[:65_536]}[parts.kind]  # the embedded broker knows no limit
    assert set(letters) == {b"short", kept, b"short too"}
    assert letters[kept].get("shortened_from_bytes") == (None if kept == large else b"3000000")


def make_topic(settings, option: str, value: str) -> None:
    """The orders topic as an operator made it."""
    kafka = settings.kafka

    async def run() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka.brokers)
        await admin.start()
        await admin.create_topics([NewTopic(kafka.orders_topic, kafka.partitions, 1, topic_configs={option: value})])
        await admin.close()

    asyncio.run(run())


def test_while_redis_is_away_nothing_is_committed_or_dropped_and_it_is_said_once(settings, parts, caplog):
    server = RedisServer(parts.redis_binary)
    away = settings.redis.model_copy(update={"url": server.url})
    few = settings.kafka.model_copy(update={"max_poll_records": 5})
    settings = settings.model_copy(update={"redis": away, "kafka": few})
    judge = EveryOrder()
    meanwhile = {}

    def come_back() -> None:
        deadline = time.monotonic() + 20
        while judge.batches < BATCHES_IN_FLIGHT and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.7)  # several tries, and several turns of the commit timer
        meanwhile.update(batches=judge.batches, committed=committed(settings))
        server.start()

    helper = threading.Thread(target=come_back)
    try:
        helper.start()
        with caplog.at_level(logging.WARNING, "stream"):
            summary = run_worker(settings, judge, until_caught_up=True, on_ready=with_orders(settings, orders(300)))
        helper.join()
        assert meanwhile == {"batches": BATCHES_IN_FLIGHT, "committed": {}}
        assert (summary.events, summary.delivered) == (300, 301)
        assert len(delivered(settings)) == 301
        assert sum(committed(settings).values()) == 300
    finally:
        server.end()
    said = [record.getMessage() for record in caplog.records if record.name == "stream.engine.publisher"]
    assert [line.split(" (")[0].split(",")[0] for line in said] == [
        "Redis does not take alerts",
        "Redis takes alerts again",
    ]


def test_a_silent_source_advances_time_and_sigterm_stops_with_all_committed(settings):
    judge = StopWhenIdle()
    summary = run_worker(settings, judge, on_ready=with_orders(settings, orders(40)))
    assert len(judge.advanced_to) >= 2
    # event time goes on from the last event, not from our clock: the log may be an old one
    assert judge.clock_ms < judge.advanced_to[0] <= judge.advanced_to[-1] < judge.clock_ms + 60_000
    ids = [entry.id for entry in delivered(settings)]
    assert ids[40:] == [f"silence-{now_ms}" for now_ms in judge.advanced_to[: len(ids) - 40]]
    assert "goodbye" not in ids  # the stream goes on elsewhere
    assert summary.events == 40
    assert sum(committed(settings).values()) == 40


def test_a_busy_source_is_not_told_that_it_is_silent(settings):
    judge = EveryOrder()

    def keep_busy(_) -> None:
        def run() -> None:
            send(settings, orders(60), pace_seconds=0.05)
            os.kill(os.getpid(), signal.SIGTERM)

        threading.Thread(target=run).start()

    summary = run_worker(settings, judge, on_ready=keep_busy)
    assert summary.events > 0
    assert judge.advanced_to == []


def test_an_orders_topic_with_other_partitions_is_refused_with_the_knob(settings):
    run_worker(settings, EveryOrder(), until_caught_up=True)
    other = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"partitions": 8})})
    with pytest.raises(TopicError, match=r"has 4 partitions and kafka\.partitions is 8"):
        run_worker(other, EveryOrder(), until_caught_up=True)


def test_a_broker_that_is_not_there_is_one_line_with_the_knob(settings):
    nowhere = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"brokers": "127.0.0.1:1"})})
    with pytest.raises(TopicError, match=r"^Kafka at 127\.0\.0\.1:1 \(kafka\.brokers\): .+$"):
        run_worker(nowhere, EveryOrder(), until_caught_up=True)


def test_an_embedded_worker_brings_its_own_servers(settings):
    where = []

    def fill(services) -> None:
        where.append(services)
        run_in_thread(send, on_embedded(settings, services), orders(20))

    summary = run_worker(settings, EveryOrder(), embedded=True, until_caught_up=True, on_ready=fill)
    assert (summary.events, summary.delivered) == (20, 21)
    assert where[0].kafka_brokers != settings.kafka.brokers
    assert delivered(settings) == []


OTHER_WORKER = """
import pickle, sys
sys.path.insert(0, sys.argv[1])
from tests.parts.every_order import EveryOrder
from stream.engine.worker import run_worker

class Says(EveryOrder):
    def process(self, partition, records, *, wait, more):
        print(partition, flush=True)
        return super().process(partition, records, wait=wait, more=more)

run_worker(pickle.load(sys.stdin.buffer), Says())
"""


def other_worker(settings) -> subprocess.Popen[bytes]:
    """A worker in a process of its own; it prints the partition of each batch that it judges."""
    command = [sys.executable, "-c", OTHER_WORKER, str(Path(__file__).parents[1])]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdin.write(pickle.dumps(settings))
    process.stdin.close()
    return process


def test_of_two_workers_one_stands_by_and_takes_all_over_when_the_other_is_killed(settings):
    patient = settings.kafka.model_copy(update={"session_timeout_seconds": 4.0})
    settings = settings.model_copy(update={"kafka": patient})
    asyncio.run(ensure_topics(settings, {}))
    ours, joined = EveryOrder(), threading.Event()
    sent: list[bytes] = []

    def send_more() -> bool:
        batch = orders(50, start=len(sent))
        send(settings, batch)
        sent.extend(batch)
        return True

    def judged() -> set[int]:
        return {partition for partition, _ in list(ours.offsets)}

    def of_orders() -> list[bytes]:
        return [entry.data for entry in delivered(settings) if not entry.id.startswith("silence")]

    def direct(other) -> None:
        try:
            wait_until(joined.is_set)
            for _ in range(60):  # longer than a group takes to form
                send_more()
                time.sleep(0.1)
            assert not judged(), "the one that was first keeps all partitions"
            other.kill()
            wait_until(lambda: send_more() and len(judged()) == 4)
            wait_until(lambda: len(of_orders()) == len(sent))
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    with other_worker(settings) as other, ThreadPoolExecutor(1) as pool:
        try:
            send_more()
            assert other.stdout.readline().strip().isdigit()  # it has judged something
            directed = pool.submit(direct, other)
            run_worker(settings, ours, on_ready=lambda _: joined.set())
            directed.result()
        finally:
            other.kill()
    assert Counter(of_orders()) == Counter(sent)
    assert sum(committed(settings).values()) == len(sent)
