"""Reading alerts as a group: each answered by one reader, none lost with a reader that dies, and a stream rebuilt."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import threading
import time
from itertools import pairwise
from pathlib import Path

import pytest
import redis
import yaml
from aiokafka import AIOKafkaProducer

from stream.alert import Alert
from stream.alert_channel import AlertChannel
from stream.alert_reader import AlertReader, Patience
from stream.alerts_rebuild import rebuild
from stream.engine.topics import ensure_topics
from tests.parts.redis_server import RedisServer
from tests.parts.traffic import delivered

SOON = Patience(stuck_after_seconds=0.1, most_deliveries=3, forget_after_seconds=0.3, retry_seconds=0.05)


@pytest.fixture
def client(services):
    with redis.Redis.from_url(services.redis_url) as client:
        yield client


@pytest.fixture
def reader(client, settings):
    """A function that makes a reader of the group by name."""
    return lambda name="one", group="risk", patience=SOON, batch=10: AlertReader(
        client, settings.redis.stream, group, name, patience=patience, batch=batch
    )


def alert(number: int) -> Alert:
    data = {
        "id": f"alert-{number}",
        "time": "2026-03-02T16:00:00Z",
        "data": {"kind": "price.low", "severity": "high", "status": "firing", "summary": f"Number {number}."},
    }
    return Alert(
        f"alert-{number}", "price.low", "high", "firing", f"fp-{number % 7}", number, json.dumps(data).encode()
    )


def publish(settings, *numbers: int) -> None:
    async def run() -> None:
        channel = AlertChannel(settings.redis)
        await channel.publish([alert(number) for number in numbers])
        await channel.close()

    asyncio.run(run())


def pending(client, settings, group="risk") -> int:
    return client.xpending(settings.redis.stream, group)["pending"]


def ids(entries) -> list[str]:
    return [entry.id for entry in entries]


# --- the protocol --------------------------------------------------------------------------------


def test_a_group_gets_everything_kept_in_order_and_each_reader_a_part(settings, client, reader):
    publish(settings, *range(25))
    one, two = reader("one"), reader("two")
    first, second, third = one.poll(), two.poll(), one.poll()
    assert ids([*first, *second, *third]) == [f"alert-{number}" for number in range(25)]
    assert first[0].data == alert(0).data
    assert pending(client, settings) == 25
    for some, of in ((first, one), (second, two), (third, one)):
        of.done(*some)
    assert pending(client, settings) == 0
    assert one.poll(0.01) == two.poll(0.01) == []
    assert len(reader("one", "promotions").poll()) == 10  # another team starts where the stream does


def test_what_a_stranger_wrote_into_the_stream_is_parked_and_stops_nobody(settings, client, reader):
    client.xadd(settings.redis.stream, {"id": "x"})
    client.xadd(settings.redis.stream, {"id": b"\xff", "kind": "", "severity": "", "status": "", "data": ""})
    publish(settings, 1)
    one = reader("one")
    entries = one.poll()
    assert ids(entries) == ["alert-1"]
    one.done(*entries)
    assert pending(client, settings) == 0
    assert [fields[b"id"] for _, fields in client.xrange(one.parked_stream)] == [b"x", b"\xff"]


def test_a_reader_that_comes_back_gets_its_own_unfinished_entries_first(settings, reader):
    publish(settings, 1, 2, 3)
    before = reader(batch=2)
    first, _ = before.poll()
    before.done(first)
    patient = Patience(stuck_after_seconds=60)
    again = reader(batch=2, patience=patient)
    assert ids(again.poll()) == ["alert-2"]
    assert ids(again.poll()) == ["alert-3"]
    assert again.poll(0.01) == []


def test_what_a_dead_reader_held_is_taken_over_and_the_dead_one_is_forgotten(settings, client, reader):
    publish(settings, *range(5))
    dead, living = reader("dead"), reader("living")
    assert len(dead.poll()) == 5
    assert living.poll(0.01) == []
    time.sleep(0.15)
    taken = living.poll(0.01)
    assert ids(taken) == [f"alert-{number}" for number in range(5)]
    assert {entry.deliveries for entry in taken} == {2}
    assert living.poll(0.01) == []
    living.done(*taken)
    time.sleep(0.35)
    living.poll(0.01)
    living.poll(0.01)
    assert [each["name"] for each in client.xinfo_consumers(settings.redis.stream, "risk")] == [b"living"]


@pytest.mark.parametrize("protocol", [2, 3])
def test_both_protocols_of_redis_give_the_same(settings, services, protocol):
    publish(settings, 1, 2)
    with redis.Redis.from_url(services.redis_url, protocol=protocol) as client:

        def make(name):
            return AlertReader(client, settings.redis.stream, "risk", name, patience=SOON, batch=1)

        assert ids(make("one").poll()) == ["alert-1"]
        assert ids(make("one").poll()) == ["alert-1"]
        time.sleep(0.15)
        assert [(entry.id, entry.deliveries) for entry in make("two").poll()] == [("alert-1", 3)]
        assert ids(make("three").poll()) == ["alert-2"]


def test_a_silent_reader_with_unfinished_entries_is_not_forgotten(settings, client, reader):
    publish(settings, 1)
    patience = Patience(stuck_after_seconds=60, forget_after_seconds=0)
    reader("silent", patience=patience).poll()
    other = reader("other", patience=patience)
    time.sleep(0.01)
    other.poll(0.01)
    assert {each["name"] for each in client.xinfo_consumers(settings.redis.stream, "risk")} == {b"silent", b"other"}
    assert pending(client, settings) == 1


def test_an_id_that_is_done_is_not_handed_out_under_another_entry(settings, client, reader):
    publish(settings, 1)
    [entry] = reader("one").poll()
    reader("one").done(entry)
    fields = {"id": "alert-1", "kind": "k", "severity": "s", "status": "firing", "data": b"{}"}
    client.xadd(settings.redis.stream, fields)
    assert reader("two").poll(0.01) == []
    assert pending(client, settings) == 0
    assert len(reader("one", "notify").poll()) == 2  # another group has done neither


def test_an_entry_that_nobody_finishes_is_parked_with_its_count(settings, client, reader):
    publish(settings, 1, 2)
    seen = []
    deadline = time.monotonic() + 10

    def handle(entry):
        seen.append((entry.id, entry.deliveries))
        if entry.id == "alert-1":
            raise ValueError("no such product")

    one = reader("one")
    one.run(handle, is_over=lambda: client.exists(one.parked_stream) or time.monotonic() > deadline)
    assert seen == [("alert-1", 1), ("alert-2", 1), ("alert-1", 2), ("alert-1", 3)]
    [(_, parked)] = client.xrange(one.parked_stream)
    assert (parked[b"id"], parked[b"deliveries"], parked[b"data"]) == (b"alert-1", b"3", alert(1).data)
    assert pending(client, settings) == 0


def test_entries_that_left_the_stream_while_pending_are_said_to_be_gone(settings, client, reader, caplog):
    publish(settings, 1, 2)
    reader("one", batch=1).poll()
    reader("two", batch=1).poll()
    client.xtrim(settings.redis.stream, maxlen=0)
    assert reader("one").poll(0.01) == []
    time.sleep(0.15)
    assert reader("three").poll(0.01) == []
    assert caplog.text.count("1 alerts left the stream before group risk had done them") == 2
    assert pending(client, settings) == 0


def test_a_reader_goes_on_after_redis_was_killed_and_came_back_with_nothing(settings, parts):
    server = RedisServer(parts.redis_binary)
    settings = settings.model_copy(update={"redis": settings.redis.model_copy(update={"url": server.url})})
    seen: list[str] = []
    with server, redis.Redis.from_url(server.url) as client:
        publish(settings, 1)
        one = AlertReader(client, settings.redis.stream, "risk", "one", patience=SOON)
        thread = threading.Thread(
            target=one.run, args=(lambda entry: seen.append(entry.id),), kwargs={"is_over": lambda: len(seen) == 3}
        )
        thread.start()
        wait(lambda: seen == ["alert-1"])
        server.kill()
        time.sleep(0.2)
        server.start()
        publish(settings, 2)
        wait(lambda: seen[1:] == ["alert-2"])
        server.empty()
        publish(settings, 3)
        thread.join(10)
    assert seen == ["alert-1", "alert-2", "alert-3"]


def wait(is_so) -> None:
    deadline = time.monotonic() + 10
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.02)


# --- the command ---------------------------------------------------------------------------------


@pytest.fixture
def file(settings, tmp_path):
    path = tmp_path / "site.yaml"
    kafka = settings.kafka.model_dump(include={"brokers", "orders_topic", "dlq_topic", "alerts_topic", "group"})
    own = settings.redis.model_dump(include={"url", "stream", "channel"})
    path.write_text(yaml.safe_dump({"kafka": kafka, "redis": own}))
    return path


@pytest.fixture
def run(run, file):
    """Run `orderwatch alerts` with the settings of the file."""
    return lambda *arguments: run("alerts", *arguments, "--config", file)


def test_the_command_reads_as_a_group_each_alert_once(settings, run):
    publish(settings, *range(12))
    code, out, _ = run("--group", "risk", "--json")
    assert code == 0
    assert [json.loads(line)["id"] for line in out.splitlines()] == [f"alert-{number}" for number in range(12)]
    assert run("--group", "risk")[1] == ""
    publish(settings, 12)
    assert "Number 12." in run("--group", "risk")[1]
    assert len(run("--group", "notify")[1].splitlines()) == 13


def test_a_reader_killed_in_the_middle_loses_nothing(settings, client, file):
    publish(settings, *range(3))
    command = [Path(sys.executable).with_name("orderwatch"), "alerts", "--group", "risk", "--name", "a", "--follow"]
    process = subprocess.Popen([*command, "--json", "--config", file], stdout=subprocess.PIPE)
    shown = [json.loads(process.stdout.readline())["id"] for _ in range(3)]
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    process.stdout.close()
    publish(settings, 3)
    rest = AlertReader(client, settings.redis.stream, "risk", "a", patience=SOON)
    shown += ids([*rest.poll(0.01), *rest.poll(0.01)])
    assert set(shown) == {f"alert-{number}" for number in range(4)}


# --- the stream from the topic -------------------------------------------------------------------


def write_topic(settings, *values: tuple[bytes, bytes]) -> None:
    """Alerts as a worker writes them: by key, one after the other."""

    async def run() -> None:
        await ensure_topics(settings, {})
        producer = AIOKafkaProducer(bootstrap_servers=settings.kafka.brokers)
        await producer.start()
        for at in range(0, len(values), 10):
            sent = [await producer.send(settings.kafka.alerts_topic, value, key) for key, value in values[at : at + 10]]
            await asyncio.gather(*sent)
            await asyncio.sleep(0.002)  # order between partitions is by Kafka's milliseconds
        await producer.stop()

    asyncio.run(run())


def in_topic(*numbers: int) -> list[tuple[bytes, bytes]]:
    return [(alert(number).fingerprint.encode(), alert(number).data) for number in numbers]


def kept(settings) -> list[str]:
    return ids(delivered(settings))


def by_condition(names: list[str]) -> dict[int, list[int]]:
    numbers = [int(name.removeprefix("alert-")) for name in names]
    return {remainder: [number for number in numbers if number % 7 == remainder] for remainder in range(7)}


def test_an_empty_stream_is_built_in_the_order_of_the_topic_and_a_second_time_changes_nothing(settings, client, run):
    write_topic(settings, *in_topic(*range(250), 3, 4), (b"x", b"no alert"))
    listener = client.pubsub()
    listener.subscribe(settings.redis.channel)
    code, out, _ = run("rebuild", "--dry-run")
    assert (code, out.split()[0], kept(settings)) == (0, "250", [])
    code, out, _ = run("rebuild", "--json")
    told = {"read": 253, "restored": 250, "present": 2, "older": 0, "unreadable": 1}
    assert json.loads(out) == {"dry_run": False, **told}
    assert set(kept(settings)) == {f"alert-{number}" for number in range(250)}
    found = by_condition(kept(settings))
    assert all(numbers == sorted(numbers) for numbers in found.values())
    blocks = [int(name.removeprefix("alert-")) // 10 for name in kept(settings)]
    assert sum(one > two for one, two in pairwise(blocks)) <= 5
    assert delivered(settings)[0].data.startswith(b'{"id": "alert-')
    assert json.loads(run("rebuild", "--json")[1])["restored"] == 0
    publish(settings, *range(250))  # what a worker would say again is known
    assert len(kept(settings)) == 250
    heard = [
        message for message in iter(lambda: listener.get_message(timeout=0.1), None) if message["type"] == "message"
    ]
    assert heard == []  # nobody is woken by old alerts


def test_only_what_is_missing_is_put_back_though_its_claim_still_stands(settings, client):
    write_topic(settings, *in_topic(*range(20)))
    publish(settings, *range(20))
    entries = client.xrange(settings.redis.stream)
    client.xdel(settings.redis.stream, *(entry_id for entry_id, _ in entries[5:10]))
    done = asyncio.run(rebuild(settings))
    assert (done.restored, done.present) == (5, 15)
    assert sorted(kept(settings)) == sorted(f"alert-{number}" for number in range(20))
    client.delete(settings.redis.stream)
    assert asyncio.run(rebuild(settings)).restored == 20


def test_two_rebuilds_and_a_worker_at_once_leave_each_alert_once(settings):
    write_topic(settings, *in_topic(*range(300)))

    async def all_at_once() -> int:
        channel = AlertChannel(settings.redis)

        async def work() -> int:
            return sum([await channel.publish([alert(number)]) for number in range(300)])

        one, two, new = await asyncio.gather(rebuild(settings), rebuild(settings), work())
        await channel.close()
        return one.restored + two.restored + new

    assert asyncio.run(all_at_once()) == 300
    assert sorted(kept(settings)) == sorted(f"alert-{number}" for number in range(300))


def test_no_more_is_put_back_than_the_stream_keeps_and_nothing_older_than_asked(settings):
    write_topic(settings, *in_topic(*range(200)))
    few = settings.model_copy(update={"redis": settings.redis.model_copy(update={"stream_max_entries": 50})})
    done = asyncio.run(rebuild(few))
    assert (done.older, done.restored) == (150, 50)
    assert set(kept(settings)) <= {f"alert-{number}" for number in range(130, 200)}
    time.sleep(0.05)
    moment = time.time_ns() // 1_000_000
    time.sleep(0.05)
    write_topic(settings, *in_topic(*range(200, 210)))
    assert asyncio.run(rebuild(settings, moment)).read == 10
    assert "alert-0" not in kept(settings)


def test_a_topic_that_is_not_there_is_one_line(settings, run):
    code, _, err = run("rebuild")
    assert (code, err.count("\n")) == (1, 1)
    assert settings.kafka.alerts_topic in err
