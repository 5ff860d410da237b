"""Starts a system under test in a process of its own, on a core of its own, and takes its reading."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import redis

from tests.benchmarks.gauge import Reading
from tests.benchmarks.kafka_topic import unique

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from stream.embedded import Services

_ROOT = Path(__file__).parents[2]
_LIMIT_SECONDS = 180.0
_STOP_SECONDS = 20.0


@dataclass(frozen=True, slots=True)
class System:
    """What can be run: a module of this folder, and how. `channel` is where its alerts are published."""

    name: str
    module: str
    channel: str
    variant: str = ""


class RunFailed(RuntimeError):
    """A system under test ended before it had read everything, or did not end."""


@cache  # asked again once this process is pinned, the system would see one core only
def cores() -> tuple[set[int], set[int]]:
    """Cores for broker, Redis and producer, and the core for the system under test; empty: no pinning."""
    if not hasattr(os, "sched_getaffinity"):
        return set(), set()
    allowed = sorted(os.sched_getaffinity(0))
    return ({*allowed[:-1]}, {allowed[-1]}) if len(allowed) > 1 else (set(), set())


def pin(chosen: set[int]) -> None:
    """Keep this process, and those that it starts from now on, on these cores."""
    if chosen:
        os.sched_setaffinity(0, chosen)


def measure(system: System, services: Services, topic: str, *, warm_up: int, events: int, core: set[int]) -> Reading:
    """Let `system` read `events` from the topic's beginning; the first `warm_up` do not count."""
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "reading.json")
        _forget_alerts(services)
        with running(system, services, topic, report, warm_up=warm_up, events=events, core=core) as process:
            _wait(process, report, system)
        return msgspec.json.decode(report.read_bytes(), type=Reading)


@contextmanager
def running(
    system: System,
    services: Services,
    topic: str,
    report: Path,
    *,
    warm_up: int = 0,
    events: int = 0,
    core: set[int],
    environment: Mapping[str, str] | None = None,
) -> Iterator[subprocess.Popen[bytes]]:
    """Run `system` until the block ends; with `events` 0 it does not end by itself."""
    arguments = {
        "brokers": services.kafka_brokers,
        "redis": services.redis_url,
        "topic": topic,
        "group": unique(system.module.replace("_", "-")),
        "warm-up": warm_up,
        "events": events,
        "report": report,
        "variant": system.variant,
    }
    command = [sys.executable, "-m", f"tests.benchmarks.{system.module}"]
    command += [f"--{name}={value}" for name, value in arguments.items()]
    with report.with_suffix(".log").open("wb") as log, _elsewhere(core):
        process = subprocess.Popen(
            command, cwd=_ROOT, stdout=log, stderr=log, env={**os.environ, **(environment or {})}
        )
    try:
        yield process
    finally:
        _end(process)


@contextmanager
def _elsewhere(core: set[int]) -> Iterator[None]:
    """A child begins on the cores of its parent: stand there while it is started."""
    before = os.sched_getaffinity(0) if core else set()
    pin(core)
    try:
        yield
    finally:
        pin(before)


def _wait(process: subprocess.Popen[bytes], report: Path, system: System) -> None:
    with suppress(subprocess.TimeoutExpired):
        process.wait(_LIMIT_SECONDS)
    if not report.exists():
        raise RunFailed(f"{system.name}: no reading within {_LIMIT_SECONDS:g} s; {last_words(report)}")


def last_words(report: Path) -> str:
    """The end of what the system under test said."""
    lines = report.with_suffix(".log").read_text(errors="replace").strip().splitlines()
    return " | ".join(lines[-5:]) or "it said nothing"


def _end(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _forget_alerts(services: Services) -> None:
    """Ids are deterministic: Redis would know the alerts of the round before, and take none again."""
    with redis.Redis.from_url(services.redis_url) as server:
        server.flushall()
