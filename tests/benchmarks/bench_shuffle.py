"""What sharing a log costs and gives: orders a second of one worker alone, of one that shares, and of two.

    python -m tests.benchmarks.bench_shuffle [--orders 200000] [--rounds 1] [--real]

Workers are processes of `orderwatch worker`; a full topic is read from its start (`--real`: Apache Kafka and
redis-server). Counted is from a fifth of the orders on, so that the start of the workers and of their group is no
part of it: take enough of them.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import yaml
from rich.console import Console
from rich.table import Table

from config.settings import Settings, load
from stream.embedded import Services
from tests.benchmarks.kafka_topic import PARTITIONS, fill_topic
from tests.benchmarks.workload import created
from tests.parts.services import KINDS
from tests.parts.traffic import committed

_LOOK_SECONDS = 0.05
_LONGEST_SECONDS = 600.0
_SYSTEMS = {"one alone": (1, False), "one that shares": (1, True), "two that share": (2, True)}
_TICKS = os.sysconf("SC_CLK_TCK")


class Rate(NamedTuple):
    """Orders a second, and a second of CPU of all workers together."""

    wall: float
    cpu: float


def main() -> None:
    """Fill a topic, have it read by each system in turns, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--orders", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--real", action="store_true")
    options = parser.parse_args()
    rates: dict[str, list[Rate]] = {name: [] for name in _SYSTEMS}
    with KINDS["real" if options.real else "embedded"]() as parts:
        topic = fill_topic(parts.services.kafka_brokers, "orders", created(options.orders))
        for number in range(options.rounds):
            for name, (workers, shares) in _SYSTEMS.items():
                group = f"{name.replace(' ', '-')}-{number}"
                rates[name].append(rate_of(parts.services, topic, group, workers, shares, options.orders))
    Console().print(table(rates))


def rate_of(services: Services, topic: str, group: str, workers: int, shares: bool, orders: int) -> Rate:
    """Have some workers of a new group read the topic."""
    own = overlay(services, topic, group, shares)
    with ExitStack() as stack:
        processes = [stack.enter_context(worker(own, f"{group}-{number}")) for number in range(workers)]
        settings = load(**own)
        first, began, used = until(settings, orders // 5), time.monotonic(), cpu_seconds(processes)
        until(settings, orders)
        took, cpu = time.monotonic() - began, cpu_seconds(processes) - used
    return Rate((orders - first) / took, (orders - first) / cpu)


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
def worker(own: Mapping[str, Any], name: str) -> Iterator[subprocess.Popen[bytes]]:
    """A worker with such settings, and its end."""
    with TemporaryDirectory() as folder:
        file = Path(folder) / f"{name}.yaml"
        file.write_text(yaml.safe_dump(dict(own)))
        command = [str(Path(sys.executable).with_name("orderwatch")), "worker", "--config", str(file)]
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            yield process
        finally:
            process.kill()
            process.wait()


def until(settings: Settings, orders: int) -> int:
    """Wait until so many orders are committed; returns how many are."""
    ends = time.monotonic() + _LONGEST_SECONDS
    while (done := sum(committed(settings).values())) < orders:
        if time.monotonic() > ends:
            raise TimeoutError(f"{done} of {orders} orders were committed within {_LONGEST_SECONDS:g} s")
        time.sleep(_LOOK_SECONDS)
    return done


def cpu_seconds(processes: Sequence[subprocess.Popen[bytes]]) -> float:
    """What the processes have used so far."""
    fields = [Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split() for process in processes]
    return sum(int(user) + int(system) for *_, user, system in (each[:13] for each in fields)) / _TICKS


def table(rates: Mapping[str, Sequence[Rate]]) -> Table:
    """The best round of each."""
    shown = Table("workers", "orders/s", "orders a CPU-second")
    for name, each in rates.items():
        shown.add_row(name, f"{max(one.wall for one in each):,.0f}", f"{max(one.cpu for one in each):,.0f}")
    return shown


if __name__ == "__main__":
    main()
