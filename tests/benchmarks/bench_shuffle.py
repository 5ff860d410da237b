"""What sharing a log costs and gives: orders a second of one worker alone, of one that shares, and of two.

    python -m tests.benchmarks.bench_shuffle [--orders 1000000] [--rounds 3] [--real]

Workers are processes of `orderwatch worker`, checkpoints on; a full topic is read from its start (`--real`: Apache
Kafka and redis-server). Counted is from the moment when all workers of the group have partitions and orders move, so
that their start is no part of it, until all orders are committed and all alerts of one alone are in Redis. Nobody is
pinned: where two workers and the broker have two cores, orders a second of CPU say what sharing costs, and wall time
what it gives there. Rounds are interleaved.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final, NamedTuple
from urllib.request import urlopen

import redis
import yaml
from confluent_kafka import Consumer, TopicPartition
from rich.console import Console
from rich.table import Table

from config.settings import Settings, load
from stream.embedded import Services
from tests.benchmarks.kafka_topic import PARTITIONS, fill_topic
from tests.benchmarks.spread import Spread, wide_console
from tests.benchmarks.system import cores, pin
from tests.benchmarks.workload import created
from tests.parts.ports import free_ports
from tests.parts.services import kind_of

ORDERS: Final = 1_000_000
_LOOK_SECONDS: Final = 0.05
_LONGEST_SECONDS: Final = 300.0
_ANSWER_SECONDS: Final = 10.0
_LEAST_SHARE: Final = 0.5  # of the orders that must be left once all workers are there
_ALONE: Final = "one alone"
_SYSTEMS: Final = {_ALONE: (1, False), "one that shares": (1, True), "two that share": (2, True)}
_TICKS: Final = os.sysconf("SC_CLK_TCK")


class Rate(NamedTuple):
    """Orders a second, and a second of CPU of all workers together; alerts in Redis at the end."""

    wall: float
    cpu: float
    alerts: int


def main() -> None:
    """Fill a topic, have it read by each system in turns, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=ORDERS)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--real", action="store_true", help="on Apache Kafka and redis-server; see make test-real")
    options, console = parser.parse_args(), wide_console()
    with kind_of(options.real)() as parts:
        console.print(table_of(run(parts.services, options.orders, options.rounds, console)))


def run(services: Services, orders: int, rounds: int, console: Console) -> dict[str, list[Rate]]:
    """Each system once a round, on all cores: this process stays there."""
    pin(set().union(*cores()))
    topic = fill_topic(services.kafka_brokers, "orders", created(orders))
    rates: dict[str, list[Rate]] = {name: [] for name in _SYSTEMS}
    for number in range(rounds):
        for name, (workers, shares) in _SYSTEMS.items():
            group = f"{name.replace(' ', '-')}-{number}"
            alerts = rates[_ALONE][0].alerts if rates[_ALONE] else 0
            rates[name].append(rate_of(overlay(services, topic, group, shares), workers, orders, alerts))
            console.print(f"  round {number + 1}  {name:20} {rates[name][-1].wall:>10,.0f} orders/s")
    return rates


def rate_of(own: Mapping[str, Any], workers: int, orders: int, alerts: int) -> Rate:
    """Have some workers of a new group read the topic, and tell at least so many alerts."""
    with ExitStack() as stack:
        ports = free_ports(workers)
        processes = [stack.enter_context(worker(own, port)) for port in ports]
        settings = load(**own)
        group = stack.enter_context(closing(Group(settings)))
        until(lambda: are_sharing([assigned(port) for port in ports]), f"{workers} workers have partitions")
        before = group.committed()
        until(lambda: group.committed() > before, "orders move")  # from one commit on to another
        first, began, used = group.committed(), time.monotonic(), cpu_seconds(processes)
        if orders - first < _LEAST_SHARE * orders:
            raise RuntimeError(
                f"only {orders - first:,} of {orders:,} orders were left at the start; take more --orders"
            )
        until(lambda: group.committed() >= orders, f"{orders:,} orders are committed")
        until(lambda: told(settings) >= alerts, f"{alerts:,} alerts are told")
        took, cpu = time.monotonic() - began, cpu_seconds(processes) - used
        return Rate((orders - first) / took, (orders - first) / cpu, told(settings))


def overlay(services: Services, topic: str, group: str, shares: bool) -> dict[str, Any]:
    """The default settings on these servers."""
    return {
        "kafka": {
            "brokers": services.kafka_brokers,
            "orders_topic": topic,
            "group": group,
            "dlq_topic": f"{group}.dlq",
            "alerts_topic": f"{group}.alerts",
            "partitions": PARTITIONS,
            "replication_factor": 1,
            "commit_interval_seconds": 0.1,
        },
        "redis": {"url": services.redis_url, "stream": group},
        "checkpoint": {"interval_seconds": 0.5},
        "shuffle": {"on": shares},
    }


@contextmanager
def worker(own: Mapping[str, Any], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """A worker with such settings, which answers at a port, and its end."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / "worker.yaml"
        file.write_text(yaml.safe_dump({**own, "web": {"on": True, "port": port}}))
        command = [str(Path(sys.executable).with_name("orderwatch")), "worker", "--config", str(file)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def until(happened: Callable[[], bool], what: str) -> None:
    """Wait until something is so."""
    ends = time.monotonic() + _LONGEST_SECONDS
    while not happened():
        if time.monotonic() > ends:
            raise TimeoutError(f"waited {_LONGEST_SECONDS:g} s until {what}")
        time.sleep(_LOOK_SECONDS)


def assigned(port: int) -> int:
    """Partitions that the worker who answers at a port has; none as long as nobody does."""
    try:
        with urlopen(f"http://127.0.0.1:{port}/metrics", timeout=_ANSWER_SECONDS) as answer:
            found = re.search(rb"^orderwatch_assigned_partitions(?:{.*})? (\S+)$", answer.read(), re.MULTILINE)
    except OSError:
        return 0
    return int(float(found[1])) if found else 0


def are_sharing(shares: Sequence[int]) -> bool:
    """Whether each has some of all partitions."""
    return all(shares) and sum(shares) == PARTITIONS


class Group:
    """What the broker knows of the group of workers."""

    def __init__(self, settings: Settings) -> None:
        """Ask as a stranger who joins nothing."""
        self._reader = Consumer(
            {"bootstrap.servers": settings.kafka.brokers, "group.id": settings.kafka.group, "log_level": 0}
        )
        self._partitions = [TopicPartition(settings.kafka.orders_topic, number) for number in range(PARTITIONS)]

    def committed(self) -> int:
        """Orders that are committed."""
        return sum(max(0, each.offset) for each in self._reader.committed(self._partitions, _ANSWER_SECONDS))

    def close(self) -> None:
        """Ask no more."""
        self._reader.close()


def told(settings: Settings) -> int:
    """Alerts in the stream."""
    with redis.Redis.from_url(settings.redis.url) as server:
        return int(server.xlen(settings.redis.stream))


def cpu_seconds(processes: Sequence[subprocess.Popen[bytes]]) -> float:
    """What the processes have used so far."""
    fields = [Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split() for process in processes]
    return sum(int(user) + int(system) for *_, user, system in (each[:13] for each in fields)) / _TICKS


def table_of(rates: Mapping[str, Sequence[Rate]]) -> Table:
    """Median of the rounds (least-greatest), and the same beside one alone."""
    shown = Table("workers", title=f"Checkpoints on, {os.cpu_count()} cores for workers, broker and Redis")
    for heading in ("orders/s", "beside one alone", "orders a CPU-second", "beside one alone", "alerts"):
        shown.add_column(heading, justify="right")
    alone = rates[_ALONE]
    for name, each in rates.items():
        cells = []
        for figure in ("wall", "cpu"):
            mine, its = ([getattr(one, figure) for one in some] for some in (each, alone))
            cells += [Spread.of(mine).text(), Spread.of_ratios(mine, its).text(".2f")]
        shown.add_row(name, *cells, f"{each[-1].alerts:,}")
    return shown


if __name__ == "__main__":
    main()
