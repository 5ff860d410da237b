"""What can happen to a worker and its servers: each fault is injected once a call, and says how long the gap was."""

from __future__ import annotations

import random
import signal
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

import redis

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.chaos.crew import Crew, Worker
    from tests.chaos.shop import Log
    from tests.parts.kafka_cluster import KafkaCluster
    from tests.parts.network import Server
    from tests.parts.redis_server import RedisServer

_SOME_SECONDS: Final = (0.2, 1.5)
_WRITES: Final = (1, 6)
"""To the changelog, in the middle of one of which a worker kills itself."""
_SLOW_SECONDS: Final = 2.5
_HOUR: Final = 3600
_CLOCK_SECONDS: Final = 1.5  # within which a worker takes notice of the file


@dataclass(frozen=True, slots=True)
class Scene:
    """What a fault can reach. `clock` : the file that libfaketime reads."""

    crew: Crew
    kafka: KafkaCluster
    redis: RedisServer
    draw: random.Random
    clock: Path


@dataclass(frozen=True, slots=True)
class Fault:
    """`inject` waits for its moment, does it once, and returns the seconds until orders were judged again.

    `needs` : what must be there for it. `shares` : the workers share the partitions.
    """

    name: str
    times: int
    inject: Callable[[Scene], float]
    needs: Literal["", "network", "faketime", "three brokers"] = ""
    empties_redis: bool = False
    log: Log = "plain"
    shares: bool = False

    @property
    def calm_log(self) -> Log:
        """What the calm run reads: where the log repeats itself, the one that does not; then only ids are the same."""
        return "plain" if self.log == "repeated" else self.log


def _under_way(scene: Scene) -> Worker:
    """The worker that watches, once another one stands by and orders are being judged; or any of those that share."""
    crew = scene.crew
    if crew.settings.shuffle.on:
        crew.share()
        time.sleep(scene.draw.uniform(*_SOME_SECONDS))
        return scene.draw.choice(crew.share())
    crew.stood_by()
    time.sleep(scene.draw.uniform(*_SOME_SECONDS))
    return crew.watching(time.monotonic())


def kill(scene: Scene) -> float:
    """kill -9, every other time by its own hand in the middle of a checkpoint."""
    worker = _under_way(scene)
    worker.tell(scene.draw.choice((signal.SIGKILL, signal.SIGUSR2)))
    worker.wait()
    recovered = scene.crew.taken_over(worker, time.monotonic())
    scene.crew.join(scene.draw.randint(*_WRITES))
    return recovered


def sleep_and_wake(scene: Scene) -> float:
    """SIGSTOP until another one has taken over and judged, then SIGCONT."""
    worker = _under_way(scene)
    worker.tell(signal.SIGSTOP)
    recovered = scene.crew.taken_over(worker, time.monotonic())
    time.sleep(scene.draw.uniform(0.2, 1.5))
    worker.tell(signal.SIGCONT)
    time.sleep(1.0)
    scene.crew.watching(time.monotonic())
    return recovered


def roll(scene: Scene) -> float:
    """SIGTERM, and a new one for it."""
    worker = _under_way(scene)
    began = time.monotonic()
    worker.tell(signal.SIGTERM)
    if worker.wait() != 0:
        raise RuntimeError("a worker did not stop in good order")
    recovered = scene.crew.recovered(began, but=worker)
    scene.crew.join()
    return recovered


def add_and_remove(scene: Scene) -> float:
    """A third worker joins, and leaves again once it stands by; the longest rest of the one that watches."""
    _under_way(scene)
    began = time.monotonic()
    third = scene.crew.join()
    while not third.is_ready:
        if time.monotonic() > began + 60:
            raise TimeoutError("the third worker does not stand by")
        time.sleep(0.02)
    third.tell(signal.SIGTERM)
    third.wait()
    time.sleep(1.0)
    scene.crew.watching(time.monotonic())
    return scene.crew.longest_rest(began)


def restart_broker(scene: Scene) -> float:
    """kill -9 of the one broker, and its start on its own data."""
    _under_way(scene)
    scene.kafka.kill(1)
    died = time.monotonic()
    time.sleep(scene.draw.uniform(0.1, 2.0))
    scene.kafka.start(1)
    scene.crew.watching(time.monotonic())
    return time.monotonic() - died


def kill_leader(scene: Scene) -> float:
    """kill -9 of the broker that leads one of the orders' partitions, and its start once orders are judged again."""
    _under_way(scene)
    topic = scene.crew.settings.kafka.orders_topic
    scene.kafka.wait_until_in_sync(topic)
    leader = scene.kafka.leader(topic, scene.draw.randrange(scene.crew.settings.kafka.partitions))
    scene.kafka.kill(leader)
    died = time.monotonic()
    time.sleep(_CLOCK_SECONDS)
    scene.crew.watching(time.monotonic())
    gap = scene.crew.longest_rest(died)
    scene.kafka.start(leader)
    return gap


def restart_all(scene: Scene) -> float:
    """SIGTERM to all brokers at once, and their start."""
    _under_way(scene)
    began = time.monotonic()
    scene.kafka.stop(*scene.kafka.ids)
    scene.kafka.start(*scene.kafka.ids)
    scene.crew.watching(time.monotonic())
    return time.monotonic() - began


def restart_redis(scene: Scene) -> float:
    """kill -9 of Redis, which comes back with nothing."""
    _under_way(scene)
    scene.redis.kill()
    died = time.monotonic()
    time.sleep(scene.draw.uniform(0.5, 3.0))
    scene.redis.start()
    scene.crew.watching(time.monotonic())
    return time.monotonic() - died


def empty_redis(scene: Scene) -> float:
    """FLUSHALL."""
    _under_way(scene)
    scene.redis.empty()
    emptied = time.monotonic()
    scene.crew.watching(emptied)
    return time.monotonic() - emptied


def slow_redis(scene: Scene) -> float:
    """CLIENT PAUSE ALL: every command is answered seconds later."""
    _under_way(scene)
    began = time.monotonic()
    with redis.Redis.from_url(scene.redis.url) as client:
        client.client_pause(round(_SLOW_SECONDS * 1000))
    time.sleep(_SLOW_SECONDS)
    scene.crew.watching(time.monotonic())
    return scene.crew.longest_rest(began)


def cut_off_kafka(scene: Scene) -> float:
    """The way from the watching worker to Kafka is cut until another one judges, then mended."""
    worker = _under_way(scene)
    worker.cables.pull("kafka")
    cut = time.monotonic()
    recovered = scene.crew.recovered(cut + 1.0, but=worker) + 1.0  # what had come before the cut is judged yet
    time.sleep(scene.draw.uniform(0.2, 3.0))
    worker.cables.plug("kafka")
    time.sleep(1.0)
    scene.crew.watching(time.monotonic())
    return recovered


def cut_off_redis(scene: Scene) -> float:
    """The way from the watching worker to Redis is cut for some seconds."""
    return _cut_for_a_while(scene, "redis")


def _cut_for_a_while(scene: Scene, server: Server) -> float:
    worker = _under_way(scene)
    worker.cables.pull(server)
    cut = time.monotonic()
    time.sleep(scene.draw.uniform(2.0, 5.0))
    worker.cables.plug(server)
    time.sleep(1.0)
    scene.crew.watching(time.monotonic())
    return scene.crew.longest_rest(cut)


def jump_the_clock(scene: Scene) -> float:
    """The workers' clock is an hour ahead, or an hour back, from one moment to the next."""
    _under_way(scene)
    ahead = scene.clock.read_text().startswith("+0")
    began = time.monotonic()
    scene.clock.write_text(f"+{_HOUR}s\n" if ahead else scene.draw.choice(("+0s\n", f"-{_HOUR}s\n")))
    time.sleep(_CLOCK_SECONDS)
    if scene.draw.random() < 0.5:  # and a takeover by that clock
        worker = scene.crew.watching(time.monotonic())
        worker.tell(signal.SIGKILL)
        scene.crew.recovered(time.monotonic(), but=worker)
        scene.crew.join()
    scene.crew.watching(time.monotonic())
    return scene.crew.longest_rest(began)


FAULTS: Final = (
    Fault("worker killed (kill -9), also in the middle of checkpoints", 20, kill),
    Fault("one of two workers that share killed (kill -9), also in checkpoints", 4, kill, shares=True),
    Fault("one of two that share asleep beyond its session, then back (zombie)", 4, sleep_and_wake, shares=True),
    Fault("broker killed and started again while two share", 2, restart_broker, shares=True),
    Fault("Redis killed while two share, comes back empty; rebuilt", 2, restart_redis, empties_redis=True, shares=True),
    Fault("worker asleep beyond its session, then back (zombie)", 2, sleep_and_wake),
    Fault("rolling restart", 2, roll),
    Fault("worker added and removed", 2, add_and_remove),
    Fault("way from a worker to Kafka cut, then mended", 2, cut_off_kafka, needs="network"),
    Fault("way from a worker to Redis cut, then mended", 2, cut_off_redis, needs="network"),
    Fault("broker killed and started again", 2, restart_broker),
    Fault("broker that leads, one of three, killed", 2, kill_leader, needs="three brokers"),
    Fault("all three brokers stopped and started", 2, restart_all, needs="three brokers"),
    Fault("Redis killed, comes back empty; rebuilt", 2, restart_redis, empties_redis=True),
    Fault("Redis emptied; rebuilt", 2, empty_redis, empties_redis=True),
    Fault("Redis slow: no answer for 2.5 s", 2, slow_redis),
    Fault("clock an hour ahead and back (libfaketime), also killed", 3, jump_the_clock, needs="faketime"),
    Fault("log out of order and late, also beyond the allowance; killed", 2, kill, log="late"),
    Fault("a tenth of the log twice, a fifth replayed; killed", 2, kill, log="repeated"),
)
