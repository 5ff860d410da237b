"""What one system under test used: CPU seconds, wall seconds and memory, between two counts of events.

The gauge lives in the process under test and is told of events as they are finished. So start-up, group join
and the compilation of kernels (all before `warm_up` events) are not in the figures, nor is work by other
processes (broker, producer, Redis, neighbours) on the same core.
"""

from __future__ import annotations

import argparse
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

_TURNS: Final = 500_000


@dataclass(frozen=True, slots=True)
class Reading:
    """Since `warm_up` events: events and batches finished, CPU seconds (user + system), wall seconds.

    `scoring_seconds` is the part of the CPU seconds that went into scoring, where the system tells it; the
    rest is transport. `speed` is how fast the core was around the measured stretch (million turns a CPU-second of
    an empty Python loop): it can double from one minute to the next. `peak_rss_mib` and `alerts` are since the start.
    """

    events: int
    batches: int
    cpu_seconds: float
    wall_seconds: float
    scoring_seconds: float
    speed: float
    peak_rss_mib: float
    alerts: int

    @property
    def per_cpu_second(self) -> float:
        """Events a CPU-second."""
        return self.events / self.cpu_seconds

    @property
    def per_million_turns(self) -> float:
        """Events in the time of a million turns of an empty loop: what is left when the core's speed is out."""
        return self.per_cpu_second / self.speed

    @property
    def per_wall_second(self) -> float:
        """Events a second."""
        return self.events / self.wall_seconds


class Gauge:
    """Counts events; writes a `Reading` to `report` once `events` were finished."""

    def __init__(self, *, warm_up: int, events: int, report: Path) -> None:
        self.alerts = 0
        self.scoring_seconds = 0.0
        self.done = False
        self._warm_up = warm_up
        self._events = events
        self._report = report
        self._seen = 0
        self._batches = 0
        self._next = warm_up
        self._from = (0, 0, 0.0, 0.0, 0.0)
        self._speed = 0.0

    def count(self, events: int) -> bool:
        """Note `events` more as finished; true once it was enough."""
        self._seen += events
        self._batches += 1
        if self._seen >= self._next:
            self._mark()
        return self.done

    def _mark(self) -> None:
        if self._next == self._warm_up < self._events:
            self._speed = _speed()
            self._from = (
                self._seen,
                self._batches,
                _cpu_seconds(),
                time.perf_counter(),
                self.scoring_seconds,
            )
            self._next = self._events
        elif not self.done:
            self.done = True
            self._write()

    def _write(self) -> None:
        seen, batches, cpu, wall, scoring = self._from
        reading = Reading(
            events=self._seen - seen,
            batches=self._batches - batches,
            cpu_seconds=_cpu_seconds() - cpu,
            wall_seconds=time.perf_counter() - wall,
            scoring_seconds=self.scoring_seconds - scoring,
            speed=(self._speed + _speed()) / 2,
            peak_rss_mib=_peak_rss_mib(),
            alerts=self.alerts,
        )
        ready = self._report.with_suffix(".partial")
        ready.write_bytes(msgspec.json.encode(reading))
        ready.rename(self._report)


@dataclass(frozen=True, slots=True)
class UnderTest:
    """Command line of every system under test. `events` 0: run until ended from outside, measure nothing."""

    brokers: str
    topic: str
    group: str
    redis: str
    warm_up: int
    events: int
    report: Path
    variant: str

    def gauge(self) -> Gauge:
        """The gauge that this run is to be measured with."""
        return Gauge(warm_up=self.warm_up, events=self.events or sys.maxsize, report=self.report)


def read_arguments() -> UnderTest:
    """Parse the command line."""
    parser = argparse.ArgumentParser()
    for name in ("brokers", "topic", "group", "redis"):
        parser.add_argument(f"--{name}", required=True)
    for name in ("warm-up", "events"):
        parser.add_argument(f"--{name}", type=int, required=True)
    parser.add_argument("--report", type=Path, required=True)
    parser.add_argument("--variant", default="")
    return UnderTest(**vars(parser.parse_args()))


def _speed() -> float:
    began, turns = time.thread_time(), 0
    while turns < _TURNS:
        turns += 1
    return _TURNS / 1e6 / (time.thread_time() - began)


def _cpu_seconds() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _peak_rss_mib() -> float:
    status = Path("/proc/self/status")
    if status.exists():  # its peak begins with the program; getrusage's begins with the parent's size
        line = next(line for line in status.read_text().splitlines() if line.startswith("VmHWM"))
        return int(line.split()[1]) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20)  # bytes on macOS
