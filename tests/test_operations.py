"""A worker in operation: how it says that it is well, what it counts, how it stops, and what it writes."""

from __future__ import annotations

import asyncio
import http.client
import json
import logging
import os
import pickle
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr

from config.errors import ConfigRefused
from config.sections import LogSettings
from config.settings import load
from stream.cli import main
from stream.embedded import Services
from stream.engine.health import HealthCheck, Look
from stream.engine.topics import ensure_topics
from stream.engine.web import WebError
from stream.engine.worker import run_worker
from stream.log_lines import FloodGate, configure
from tests.parts.every_order import EveryOrder, orders
from tests.parts.kafka_cluster import KafkaCluster
from tests.parts.needs import program
from tests.parts.ports import free_ports
from tests.parts.redis_server import RedisServer
from tests.parts.services import settings_on
from tests.parts.traffic import committed, send, wait_until, with_orders

TOKEN = "a-token-of-this-test"
QUICK = {"session_timeout_seconds": 4.0, "rebalance_timeout_seconds": 8.0, "commit_interval_seconds": 0.2}
STOP_SECONDS = 5.0


def changed(settings, **sections):
    """The settings with keys of some sections set."""
    return settings.model_copy(
        update={name: getattr(settings, name).model_copy(update=keys) for name, keys in sections.items()}
    )


@pytest.fixture
def settings(settings):
    web = {"on": True, "port": free_ports(1)[0], "stuck_after_seconds": 0.8}
    return changed(settings, kafka=QUICK, web=web)


def ask(settings, path, token=None):
    """Status and text of the worker's answer; 0 while nobody listens."""
    connection = http.client.HTTPConnection("127.0.0.1", settings.web.port, timeout=5)
    try:
        connection.request("GET", path, headers={"Authorization": f"Bearer {token}"} if token else {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()
    except (ConnectionRefusedError, TimeoutError):  # a first batch may have to compile its kernels
        return 0, ""
    finally:
        connection.close()


def metrics(settings) -> dict[tuple[str, str], float]:
    """Sample and its first label -> value."""
    families = text_string_to_metric_families(ask(settings, "/metrics")[1])  # none while nobody listens
    return {(one.name, next(iter(one.labels.values()), "")): one.value for family in families for one in family.samples}


@contextmanager
def meanwhile(action):
    """Do something in a thread while a worker runs in this one, then tell it to stop; raise what that raised."""
    failed: list[BaseException] = []

    def run() -> None:
        try:
            action()
        except BaseException as error:  # noqa: BLE001  # it is raised again
            failed.append(error)
        os.kill(os.getpid(), signal.SIGTERM)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield
    finally:
        thread.join()
    if failed:
        raise failed[0]


# --- what is judged ------------------------------------------------------------------------------

BUSY = Look(partitions=4, caught_up=False, progress=1)


@pytest.mark.parametrize(
    ("looks", "ready", "live"),
    [
        ([(0, BUSY), (59, BUSY)], "ok", "ok"),
        ([(0, BUSY), (61, BUSY)], "stuck", "stuck"),
        ([(0, BUSY), (59, replace(BUSY, progress=2)), (100, replace(BUSY, progress=2))], "ok", "ok"),
        ([(0, BUSY), (500, replace(BUSY, caught_up=True))], "ok", "ok"),
        ([(0, BUSY), (59, replace(BUSY, caught_up=True)), (100, BUSY)], "ok", "ok"),
        ([(0, replace(BUSY, partitions=0)), (500, replace(BUSY, partitions=0))], "no partition", "ok"),
        ([(0, replace(BUSY, partitions=0, stands_by=True))], "stands by", "ok"),
        ([(0, replace(BUSY, partitions=0, stands_by=True, behind=17))], "17 records behind", "ok"),
        ([(0, replace(BUSY, partitions=0, stands_by=True, behind=None))], "reads their state", "ok"),
        ([(0, BUSY), (500, replace(BUSY, partitions=0)), (559, BUSY)], "ok", "ok"),
        (
            [(0, replace(BUSY, waits_for="Redis")), (90, replace(BUSY, waits_for="Redis", waits_seconds=90))],
            "Redis",
            "ok",
        ),
        ([(0, replace(BUSY, caught_up=True, waits_for="Redis", waits_seconds=90))], "Redis", "ok"),
        ([(0, BUSY), (61, replace(BUSY, is_stopping=True))], "stopping", "ok"),
        ([(0, replace(BUSY, has_crashed=True))], "crashed", "crashed"),
    ],
)
def test_health_is_judged_from_progress(looks, ready, live):
    now = [0.0]
    check = HealthCheck(60, clock=lambda: now[0])
    for now[0], look in looks:
        check.add(look)
    for found, word in ((check.ready, ready), (check.live, live)):
        assert word in found.reason
        assert found.ok == (word in ("ok", "stands by", "17 records behind"))


# --- what is asked for over HTTP -----------------------------------------------------------------


def test_a_worker_says_that_it_is_ready_and_counts_what_it_did(settings):
    told = {}

    def look() -> None:
        wait_until(
            lambda: ask(settings, "/readyz")[0] == 200 and metrics(settings).get(("orderwatch_events_total", "")) == 100
        )
        wait_until(lambda: metrics(settings)["orderwatch_lag_records", "0"] == 0)
        told.update(metrics(settings))
        assert ask(settings, "/livez") == (200, "ok\n")
        assert ask(settings, "/")[0] == ask(settings, "/debug")[0] == 404

    values = [*orders(100), b"no order"]
    with meanwhile(look):
        done = run_worker(settings, EveryOrder(), on_ready=with_orders(settings, values))
    assert done.events == 100
    assert told["orderwatch_dead_letters_total", ""] == 1
    assert told["orderwatch_assigned_partitions", ""] == 4
    assert told["orderwatch_caught_up", ""] == told["orderwatch_ready", ""] == told["orderwatch_live", ""] == 1
    assert told["orderwatch_alerts_total", ""] >= told["orderwatch_alerts_delivered_total", ""] >= 100
    assert told["orderwatch_alert_delay_seconds_count", ""] == told["orderwatch_alerts_total", ""]
    assert told["orderwatch_publish_seconds_count", "Kafka"] >= told["orderwatch_publish_seconds_count", "Redis"] >= 1
    assert told["orderwatch_publish_failures_total", "Redis"] == 0
    assert {label for name, label in told if name == "orderwatch_lag_records"} == {"0", "1", "2", "3"}
    assert told["orderwatch_process_resident_memory_bytes", ""] > 1e7
    assert told["orderwatch_event_time_seconds", ""] == EveryOrder.clock_ms / 1000
    assert ask(settings, "/livez") == (0, "")  # it ends with the worker


def test_a_worker_whose_redis_is_away_is_not_ready_and_is_left_running_until_it_is_back(settings, parts):
    server = RedisServer(parts.redis_binary)
    settings = changed(settings, redis={"url": server.url})

    def look() -> None:
        wait_until(lambda: "Redis has taken no alerts" in ask(settings, "/readyz")[1])
        assert ask(settings, "/readyz")[0] == 503
        assert ask(settings, "/livez")[0] == 200
        assert metrics(settings)["orderwatch_publish_failures_total", "Redis"] >= 2
        server.start()
        wait_until(lambda: ask(settings, "/readyz")[0] == 200)
        assert metrics(settings)["orderwatch_alerts_delivered_total", ""] >= 50

    try:
        with meanwhile(look):
            run_worker(settings, EveryOrder(), on_ready=with_orders(settings, orders(50)))
    finally:
        server.end()


def test_strangers_need_the_token(settings):
    settings = changed(settings, web={"host": "0.0.0.0", "token": SecretStr(TOKEN)})

    def look() -> None:
        wait_until(lambda: ask(settings, "/readyz", TOKEN)[0] == 200)
        for path in ("/livez", "/readyz", "/metrics", "/nothing"):
            assert [ask(settings, path, token)[0] for token in (None, "wrong", TOKEN + "x", "Ünïcode")] == [401] * 4
        assert ask(settings, "/metrics", TOKEN)[0] == 200

    with meanwhile(look):
        run_worker(settings, EveryOrder(), on_ready=with_orders(settings, orders(5)))


def test_without_being_asked_for_nobody_listens(settings):
    settings = changed(settings, web={"on": False})
    answers = []
    judge = EveryOrder()

    def look() -> None:
        wait_until(lambda: judge.batches > 0)
        answers.append(ask(settings, "/livez"))

    with meanwhile(look):
        run_worker(settings, judge, on_ready=with_orders(settings, orders(5)))
    assert answers == [(0, "")]
    assert not load().web.on


def test_a_port_that_is_taken_is_one_line_with_the_knob(settings, services):
    settings = changed(settings, web={"port": int(services.redis_url.split(":")[2].split("/")[0])})
    with pytest.raises(WebError, match=r"^cannot listen on 127\.0\.0\.1 \(web\.host\) port \d+ \(web\.port\): .+$"):
        run_worker(settings, EveryOrder(), until_caught_up=True)


def test_an_address_that_others_reach_without_a_token_is_refused_and_so_is_a_short_one(monkeypatch):
    with pytest.raises(ConfigRefused, match="ORDERWATCH_WEB__TOKEN"):
        load(web={"on": True, "host": "0.0.0.0"})
    assert load(web={"on": True, "host": "::1"}).web.on
    monkeypatch.setenv("ORDERWATCH_WEB__TOKEN", "short")
    with pytest.raises(ConfigRefused) as raised:
        load(web={"on": True, "host": "0.0.0.0"})
    assert "web.token" in str(raised.value)
    assert "short" not in str(raised.value)


def test_a_token_may_stand_in_no_file(tmp_path):
    path = tmp_path / "site.yaml"
    path.write_text(f"web: {{token: {TOKEN}}}")
    with pytest.raises(ConfigRefused, match=r"web\.token is a secret and may stand in no file") as raised:
        load(path)
    assert TOKEN not in str(raised.value)


# --- the command beside a worker, and the end of one ---------------------------------------------


@pytest.fixture
def file(settings, tmp_path):
    """The settings as an operator would write them."""
    path = tmp_path / "site.yaml"
    kafka = {"brokers", "orders_topic", "dlq_topic", "alerts_topic", "group", *QUICK, "heartbeat_interval_seconds"}
    sections = {
        "kafka": settings.kafka.model_dump(include=kafka),
        "redis": settings.redis.model_dump(include={"url", "stream", "channel", "retry_seconds"}),
        "web": settings.web.model_dump(exclude={"token"}),
        "log": {"format": "json"},
    }
    path.write_text(yaml.safe_dump(sections))
    return path


def health(file, monkeypatch, capsys, what):
    monkeypatch.setattr(sys, "argv", ["orderwatch", "health", what, "--config", str(file)])
    with pytest.raises(SystemExit) as ended:
        main()
    captured = capsys.readouterr()
    return ended.value.code or 0, captured.out + captured.err


WORKER = """
import pickle, sys
sys.path.insert(0, sys.argv[1])
from stream.engine.worker import run_worker
from stream.log_lines import configure
from stream.embedded import Services
from tests.parts.every_order import EveryOrder

settings = pickle.load(sys.stdin.buffer)
configure(settings.log, verbose=False)
run_worker(settings, EveryOrder(pause_seconds=float(sys.argv[2])))
"""


@contextmanager
def worker(settings, pause_seconds=0.0):
    """A worker as a process of its own, which logs as JSON; it may be slow."""
    settings = changed(settings, log={"format": "json"})
    command = [sys.executable, "-c", WORKER, str(Path(__file__).parents[1]), str(pause_seconds)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(pickle.dumps(settings))
    process.stdin.close()
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        process.stderr.close()


@pytest.fixture
def root_logger():
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield root
    root.handlers[:] = before
    root.setLevel(level)


def seconds_to_stop(process) -> float:
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    process.wait(60)
    return time.monotonic() - began


def test_a_worker_under_load_is_asked_how_it_is_and_stops_within_five_seconds(settings, file, monkeypatch, capsys):
    assert health(file, monkeypatch, capsys, "ready")[0] == 1  # nobody there
    asyncio.run(ensure_topics(settings, {}))
    send(settings, orders(20_000))
    small = changed(settings, kafka={"max_poll_records": 100})
    with worker(small, pause_seconds=0.05) as process:
        wait_until(lambda: metrics(settings).get(("orderwatch_events_total", ""), 0) > 500)
        assert health(file, monkeypatch, capsys, "live") == (0, "ok\n")
        assert seconds_to_stop(process) <= STOP_SECONDS
        assert (process.returncode, process.stderr.read()) == (0, b"")
    assert health(file, monkeypatch, capsys, "live")[0] == 1
    assert 500 < sum(committed(settings).values()) < 20_000


def test_a_worker_whose_redis_is_away_stops_within_five_seconds_and_says_so_in_json(settings, root_logger, capsys):
    settings = changed(settings, redis={"url": "redis://127.0.0.1:1/0"}, log={"format": "json"})
    configure(settings.log, verbose=False)
    told = []

    def look() -> None:
        wait_until(lambda: metrics(settings).get(("orderwatch_publish_failures_total", "Redis"), 0) > 0)
        told.append(time.monotonic())

    with meanwhile(look):
        run_worker(settings, EveryOrder(), on_ready=with_orders(settings, orders(50)))
        told.append(time.monotonic())
    assert told[1] - told[0] <= STOP_SECONDS
    lines = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    [away] = [line for line in lines if "Redis does not take alerts" in line["message"]]
    assert (away["level"], away["logger"]) == ("warning", "stream.engine.publisher")
    assert any("were not finished" in line["message"] for line in lines)
    assert committed(settings) == {}


@pytest.mark.parts
@pytest.mark.real
def test_a_worker_whose_broker_no_longer_answers_stops_within_five_seconds_and_does_not_flood_its_log():
    web = {"on": True, "port": free_ports(1)[0]}
    with KafkaCluster() as kafka, RedisServer(program("redis-server")) as server:
        settings = changed(settings_on(Services(kafka.brokers, server.url)), kafka=QUICK, web=web)
        asyncio.run(ensure_topics(settings, {}))
        send(settings, orders(50))
        with worker(settings) as process:
            wait_until(lambda: metrics(settings).get(("orderwatch_events_total", ""), 0) == 50)
            kafka.kill(*kafka.ids)
            time.sleep(3)  # in which a library that is not held back writes some four hundred lines
            assert seconds_to_stop(process) <= STOP_SECONDS
            lines = [line for line in process.stderr if line.startswith(b"{")]
    assert 1 <= len(lines) < 25


# --- what is written -----------------------------------------------------------------------------


def test_what_a_library_repeats_is_written_once_and_counted_and_our_own_lines_all_come(capsys):
    now = 0.0
    gate = FloodGate(30, clock=lambda: now)

    def said(name, template, *values):
        record = logging.LogRecord(name, logging.ERROR, "", 0, template, values, None)
        return record.getMessage() if gate.filter(record) else None

    unreachable = "Unable connect to node with id %s: %s"
    assert said("aiokafka.client", unreachable, 1, "refused") == "Unable connect to node with id 1: refused"
    assert [said("aiokafka.client", unreachable, number, "refused") for number in range(500)] == [None] * 500
    assert said("aiokafka.client", "Topic %s is gone", "t") == "Topic t is gone"
    assert [said("stream.engine.publisher", "away") for _ in range(3)] == ["away"] * 3
    now = 31.0
    assert said("aiokafka.client", unreachable, 2, "100% lost") == (
        "Unable connect to node with id 2: 100% lost (and 500 more like it)"
    )


def test_json_lines_are_one_object_each_whatever_is_in_them(root_logger, capsys):
    configure(LogSettings(format="json", repeat_seconds=0), verbose=False)
    error = ValueError("two\nlines")
    logging.getLogger("stream").error("failed: %s", "a\nb \x1b 价", exc_info=error)
    [line] = capsys.readouterr().err.splitlines()
    told = json.loads(line)
    assert (told["level"], told["logger"], told["message"]) == ("error", "stream", "failed: a\nb \x1b 价")
    assert "ValueError: two\nlines" in told["error"]
