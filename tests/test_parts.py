"""The servers that the tests start: they end with us whatever ends us, and say in one line why they do not start."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
import redis

from tests.parts import needs
from tests.parts.guarded import GuardedProcess
from tests.parts.kafka_cluster import KafkaCluster
from tests.parts.needs import RealPartsError, check_needs
from tests.parts.redis_server import RedisServer

ROOT = Path(__file__).parents[1]

HOLDER = """
import sys, time
from pathlib import Path
from tests.parts.guarded import GuardedProcess
server = GuardedProcess(["sleep", "60"], Path(sys.argv[1]), {})
server.pause()
print(server.pid, flush=True)
time.sleep(60)
"""


def wait_until(condition, seconds: float = 5.0) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.02)
    return False


def is_running(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


@pytest.mark.parametrize("kind", [signal.SIGTERM, signal.SIGKILL], ids=lambda kind: kind.name)
def test_a_signal_that_ends_us_ends_a_server_even_a_paused_one(kind, tmp_path):
    command = [sys.executable, "-c", HOLDER, str(tmp_path / "sleep.log")]
    holder = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=ROOT)
    server = int(holder.stdout.readline())
    assert is_running(server)
    holder.send_signal(kind)
    holder.wait(10)
    holder.stdout.close()
    assert wait_until(lambda: not is_running(server))


def test_a_server_that_was_killed_leaves_no_guard_behind(tmp_path):
    before = psutil.Process().children(recursive=True)
    server = GuardedProcess(["sleep", "60"], tmp_path / "sleep.log", {})
    server.kill()
    server.kill()
    assert psutil.Process().children(recursive=True) == before
    assert not is_running(server.pid)


def test_a_server_that_does_not_start_is_one_line_with_its_own_words(tmp_path):
    server = GuardedProcess(["sh", "-c", "echo no room left; exit 3"], tmp_path / "shop.log", {})
    with pytest.raises(RealPartsError, match=r"^shop did not start within 5 s and ended with 3: no room left$"):
        server.wait_until_said(b"Started", 5.0)
    server.kill()


def test_what_is_missing_is_one_line_that_names_what_to_install(monkeypatch):
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RealPartsError) as raised:
        check_needs()
    assert "java, keytool, mvn, openssl, redis-server, not found" in str(raised.value)
    assert str(raised.value).endswith("apt-get install maven openjdk-17-jre-headless openssl redis-server")
    assert "\n" not in str(raised.value)


def test_an_old_java_is_one_line_that_names_what_to_install(monkeypatch, tmp_path):
    for name in ("java", "keytool", "mvn", "redis-server"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'openjdk version \"1.8.0_392\"' >&2\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.defpath}")
    with pytest.raises(RealPartsError, match=r"^.* need Java 17 or later, and `java` on PATH is 8; .*jre-headless$"):
        check_needs()
    assert needs.program("java") == str(tmp_path / "java")


def test_make_test_real_says_what_is_missing_and_fails(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "tests.parts"],
        check=False,
        cwd=ROOT,
        env={"PATH": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stdout == ""
    [line] = done.stderr.splitlines()
    assert "apt-get install" in line


def test_a_redis_that_is_killed_comes_back_empty_on_its_port_and_one_that_is_emptied_knows_nothing(parts):
    with RedisServer(parts.redis_binary) as server:
        with redis.Redis.from_url(server.url) as client:
            client.set("key", "value")
        server.kill()
        with redis.Redis.from_url(server.url) as client, pytest.raises(redis.ConnectionError):
            client.get("key")
        server.start()
        with redis.Redis.from_url(server.url) as client:
            assert client.get("key") is None
            client.set("key", "value")
            server.empty()
            assert client.get("key") is None


def test_a_paused_redis_answers_once_it_is_resumed(parts):
    with RedisServer(parts.redis_binary) as server:
        with redis.Redis.from_url(server.url, socket_timeout=0.2, retry=None) as client:
            server.process.pause()
            with pytest.raises(redis.TimeoutError):
                client.ping()
            server.process.resume()
        with redis.Redis.from_url(server.url) as client:
            assert client.ping()


def test_a_redis_with_a_journal_remembers_over_a_kill(parts):
    with RedisServer(parts.redis_binary, options=["--appendonly", "yes", "--appendfsync", "always"]) as server:
        with redis.Redis.from_url(server.url) as client:
            client.set("key", "value")
        server.kill()
        server.start()
        with redis.Redis.from_url(server.url) as client:
            assert client.get("key") == b"value"


@pytest.mark.real
@pytest.mark.parts
def test_a_kafka_that_refuses_its_configuration_is_one_line_and_leaves_nothing_running():
    before = psutil.Process().children(recursive=True)
    with pytest.raises(RealPartsError) as raised, KafkaCluster(properties={"num.io.threads": "none"}):
        pass
    assert "\n" not in str(raised.value)
    assert "num.io.threads" in str(raised.value)
    assert psutil.Process().children(recursive=True) == before
