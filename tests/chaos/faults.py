"""What can happen to a worker and its servers: each fault is injected once a call, and says how long the gap was."""

from __future__ import annotations

import random
import signal
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chaos.crew import Crew, Worker
    from tests.parts.kafka_cluster import KafkaCluster
    from tests.parts.redis_server import RedisServer

_SOME_BATCHES: Final = (2, 25)
_WRITES: Final = (2, 9)
"""To the changelog, in the middle of one of which a worker kills itself."""


@dataclass(frozen=True, slots=True)
class Scene:
    """What a fault can reach."""

    crew: Crew
    kafka: KafkaCluster
    redis: RedisServer
    draw: random.Random


@dataclass(frozen=True, slots=True)
class Fault:
    """`inject` waits for its moment, does it once, and returns the seconds until orders were judged again."""

    name: str
    times: int
    inject: Callable[[Scene], float]
    empties_redis: bool = False
    mid_checkpoint: bool = False


def _after_some_batches(scene: Scene) -> Worker:
    """The worker that watches, once it has judged some more batches."""
    worker = scene.crew.watching()
    target = len(worker.judged) + scene.draw.randint(*_SOME_BATCHES)
    while worker.lives and len(worker.judged) < target:
        time.sleep(0.01)
    return worker


def kill(scene: Scene) -> float:
    """kill -9, every other time by its own hand in the middle of a checkpoint."""
    worker = _after_some_batches(scene)
    if worker.life.dies_at is None:
        worker.tell(signal.SIGKILL)
    worker.wait()
    died = time.monotonic()
    recovered = scene.crew.recovered(died, but=worker)
    scene.crew.join(scene.draw.choice((None, scene.draw.randint(*_WRITES))))
    return recovered


def sleep_and_wake(scene: Scene) -> float:
    """SIGSTOP until another one has taken over and judged, then SIGCONT."""
    worker = _after_some_batches(scene)
    worker.tell(signal.SIGSTOP)
    slept = time.monotonic()
    recovered = scene.crew.recovered(slept, but=worker)
    time.sleep(scene.draw.uniform(0.2, 1.5))
    worker.tell(signal.SIGCONT)
    time.sleep(1.0)
    scene.crew.watching(time.monotonic())
    return recovered


def roll(scene: Scene) -> float:
    """SIGTERM, and a new one for it."""
    worker = _after_some_batches(scene)
    began = time.monotonic()
    worker.tell(signal.SIGTERM)
    if worker.wait() != 0:
        raise RuntimeError("a worker did not stop in good order")
    recovered = scene.crew.recovered(began, but=worker)
    scene.crew.join()
    return recovered


def restart_broker(scene: Scene) -> float:
    """kill -9 of the one broker, and its start on its own data."""
    _after_some_batches(scene)
    scene.kafka.kill(1)
    died = time.monotonic()
    time.sleep(scene.draw.uniform(0.1, 2.0))
    scene.kafka.start(1)
    scene.crew.watching(time.monotonic())
    return time.monotonic() - died


def restart_redis(scene: Scene) -> float:
    """kill -9 of Redis, which comes back with nothing."""
    _after_some_batches(scene)
    scene.redis.kill()
    died = time.monotonic()
    time.sleep(scene.draw.uniform(0.5, 3.0))
    scene.redis.start()
    scene.crew.watching(time.monotonic())
    return time.monotonic() - died


def empty_redis(scene: Scene) -> float:
    """FLUSHALL."""
    _after_some_batches(scene)
    scene.redis.empty()
    emptied = time.monotonic()
    scene.crew.watching(emptied)
    return time.monotonic() - emptied


FAULTS: Final = (
    Fault("worker killed (kill -9), also in the middle of checkpoints", 20, kill, mid_checkpoint=True),
    Fault("worker asleep beyond its session, then back (zombie)", 3, sleep_and_wake),
    Fault("rolling restart", 4, roll),
    Fault("broker killed and started again", 3, restart_broker),
    Fault("Redis killed, comes back empty; rebuilt", 3, restart_redis, empties_redis=True),
    Fault("Redis emptied; rebuilt", 3, empty_redis, empties_redis=True),
)
