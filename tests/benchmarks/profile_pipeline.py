"""Where the microseconds of an order go: the pipeline alone, in this process, without Kafka and Redis.

First a plain pass says how many orders a CPU-second the pipeline does; then the same events go through a
second pipeline with a stopwatch around its parts. A part's time is its own: what it calls and is listed too
is taken off it. Compiled kernels are warm in both.

    python -m tests.benchmarks.profile_pipeline [--orders N] [--batch N] [--mixed] [--functions N]
"""

from __future__ import annotations

import argparse
import cProfile
import functools
import gc
import pstats
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import numpy as np
from rich.table import Table

import features.read
import stream.decode
from config.settings import load
from features.duplicates import SeenEvents
from features.event import decode_event
from features.feature import Feature
from features.keys import Keys
from features.order_life import OrderLife
from features.order_slice import OrderSlice
from features.partition import Partition
from features.partitioner import partitions_of
from models.across import Across
from models.calibration import Calibration
from models.crossing import Crossing
from models.detector import Detector
from models.judge import Judge
from models.open_panes import OpenPanes
from models.outlier import Outlier
from models.rule import Rule
from models.volume_count import VolumeCount
from models.volume_series import VolumeSeries
from stream.alert import AlertWriter
from stream.decode import Decoder
from stream.incidents import Incidents
from stream.pipeline import Pipeline
from stream.record import Record, StoredRecord
from tests.benchmarks import workload
from tests.benchmarks.spread import wide_console
from tests.benchmarks.workload import Message

WARM_UP: Final = 20_000
PARTITIONS: Final = 4
_BASES: Final = (
    (Feature, "transform", "feature"),
    (Rule, "check", "rule"),
    (Crossing, "check", "crossing"),
    (Outlier, "raw", "outlier"),
    (Outlier, "is_large", "outlier"),
    (Detector, "score_learn", "detector"),
    (VolumeSeries, "count", "volume count"),
)
"""Kinds of part, the method that does the work, and the group they are listed in, one line a part."""
_PLACES: Final = (
    (Decoder, "decode", "decode"),
    (SeenEvents, "are_new", "seen events"),
    (Keys, "rows", "keys"),
    (OrderLife, "follow", "order lives"),
    (Partition, "transform", "clock, lateness"),
    (Judge, "judge", "verdicts"),
    (Calibration, "score_learn", "calibration"),
    (OrderSlice, "of", "slice"),
    (Across, "cut", "cut"),
    (OpenPanes, "add", "count"),
    (OpenPanes, "close", "close panes"),
    (Across, "add", "add"),
    (Across, "release", "release"),
    (Across, "held", "held"),
    (VolumeCount, "close", "volume close"),
    (Incidents, "take", "incidents"),
    (AlertWriter, "write", "write"),
    (Pipeline, "process", "the rest"),
)
"""Single steps of the way."""
_GROUP_OF: Final = {
    "decode": "decode", "scan": "decode", "tabulate": "decode", "seen events": "decode", "keys": "keys",
    "order lives": "partition", "clock, lateness": "partition", "verdicts": "judge", "calibration": "judge",
    "slice": "across", "cut": "across", "count": "across", "add": "across", "release": "across", "held": "across",
    "close panes": "across", "volume close": "across", "incidents": "alerts", "write": "alerts", "the rest": "pipeline",
}  # fmt: skip


@dataclass(slots=True)
class Stopwatch:
    """CPU nanoseconds by (group, part), each without the parts that it calls."""

    own_ns: defaultdict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    calls: defaultdict[tuple[str, str], int] = field(default_factory=lambda: defaultdict(int))
    _inner: list[int] = field(default_factory=list)

    def around(self, work: Callable[..., Any], label: Callable[[Any], tuple[str, str]]) -> Callable[..., Any]:
        """The same function, timed; `label` names it by its first argument."""

        @functools.wraps(work)
        def timed(*args: Any, **kwargs: Any) -> Any:
            self._inner.append(0)
            began = time.process_time_ns()
            try:
                return work(*args, **kwargs)
            finally:
                taken = time.process_time_ns() - began
                name = label(args[0] if args else None)
                self.own_ns[name] += taken - self._inner.pop()
                self.calls[name] += 1
                if self._inner:
                    self._inner[-1] += taken

        return timed


def subclasses(base: type[Any]) -> Iterator[type[Any]]:
    """`base` and all that inherit from it."""
    yield base
    for child in base.__subclasses__():
        yield from subclasses(child)


@contextmanager
def timed_parts(watch: Stopwatch) -> Iterator[None]:
    """Put `watch` around every part's own method while the block runs; no code is changed for it."""
    changed: list[tuple[Any, str, Any]] = []

    def change(owner: Any, method: str, label: Callable[[Any], tuple[str, str]]) -> None:
        before = vars(owner)[method]
        work = getattr(owner, method) if isinstance(before, classmethod | staticmethod) else before
        after = watch.around(work, label)
        changed.append((owner, method, before))
        setattr(owner, method, staticmethod(after) if work is not before else after)

    for base, method, group in _BASES:
        for part in set(subclasses(base)):
            if method in vars(part) and not getattr(vars(part)[method], "__isabstractmethod__", False):
                change(part, method, functools.partial(_named, group))
    for owner, method, name in _PLACES:
        change(owner, method, functools.partial(_fixed, (_GROUP_OF[name], name)))
    change(stream.decode, "tabulate", functools.partial(_fixed, ("decode", "tabulate")))
    change(features.read, "scan", functools.partial(_fixed, ("decode", "scan")))
    try:
        yield
    finally:
        for owner, method, before in reversed(changed):
            setattr(owner, method, before)


def _named(group: str, part: Any) -> tuple[str, str]:
    return group, type(part).__module__.rpartition(".")[2]


def _fixed(name: tuple[str, str], _first: Any) -> tuple[str, str]:
    return name


Batches = list[tuple[int, list[Record]]]


def batches_of(messages: list[Message], size: int) -> Batches:
    """Records in batches of one partition each, in the order in which they are complete."""
    chosen = partitions_of([message.key for message in messages], PARTITIONS)
    arrived_ms = messages[-1].time_ms
    batches: list[tuple[int, int, list[Record]]] = []
    for partition in range(PARTITIONS):
        mine = [messages[i] for i in np.flatnonzero(chosen == partition).tolist()]
        records: list[Record] = [
            StoredRecord(message.value, message.key, i, arrived_ms) for i, message in enumerate(mine)
        ]
        starts = range(0, len(records), size)
        ends_ms = [mine[min(start + size, len(mine)) - 1].time_ms for start in starts]
        batches.extend(
            (end_ms, partition, records[start : start + size]) for start, end_ms in zip(starts, ends_ms, strict=True)
        )
    return [(partition, records) for _, partition, records in sorted(batches, key=lambda batch: batch[:2])]


def feed(pipeline: Pipeline, batches: Batches) -> tuple[float, int]:
    """CPU seconds that `batches` take, and the alerts they raise."""
    began, alerts = time.process_time(), 0
    for partition, records in batches:
        alerts += len(pipeline.process(partition, records).alerts)
    return time.process_time() - began, alerts


def warm_pipeline(batches: Batches) -> Pipeline:
    """A pipeline of the default settings that has seen `batches`; what was made so far is left to rest."""
    pipeline = Pipeline(load(), promotions=workload.promotions())
    feed(pipeline, batches)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)  # as the worker sets it
    return pipeline


def print_functions(batches: Batches, cut: int, count: int) -> None:
    """The `count` functions with the most time of their own, by Python's profiler, which slows calls most."""
    pipeline = warm_pipeline(batches[:cut])
    with cProfile.Profile() as profiler:
        feed(pipeline, batches[cut:])
    pstats.Stats(profiler).sort_stats("tottime").print_stats(count)


@dataclass(frozen=True, slots=True)
class Profile:
    """What one order costs, in all and by part, in microseconds of CPU.

    `parse_micros` is what the JSON parser alone takes for it, just then: the machine's speed drifts, the
    ratio to this does not.
    """

    orders: int
    batch: int
    alerts: int
    orders_per_cpu_second: float
    parse_micros: float
    micros: dict[str, dict[str, float]]


def profile(batches: Batches, cut: int, batch: int) -> Profile:
    """Measure all batches from `cut` on."""
    counted = sum(len(records) for _, records in batches[cut:])
    seconds, alerts = feed(warm_pipeline(batches[:cut]), batches[cut:])
    watch = Stopwatch()
    pipeline = warm_pipeline(batches[:cut])
    with timed_parts(watch):
        feed(pipeline, batches[cut:])
    micros: defaultdict[str, dict[str, float]] = defaultdict(dict)
    for (group, part), taken_ns in sorted(watch.own_ns.items(), key=lambda item: -item[1]):
        micros[group][part] = taken_ns / 1_000 / counted
    return Profile(counted, batch, alerts, counted / seconds, _parse_micros(batches[cut:]), dict(micros))


def _parse_micros(batches: Batches) -> float:
    values = [record.value or b"" for _, records in batches for record in records]
    began = time.process_time()
    for value in values:
        decode_event(value)
    return 1e6 * (time.process_time() - began) / len(values)


def table_of(profile: Profile) -> Table:
    """Groups by cost, and the parts of each."""
    table = Table(
        title=f"{profile.orders:,} events in batches of {profile.batch}: "
        f"{profile.orders_per_cpu_second:,.0f} a CPU-second, {profile.alerts:,} alerts; "
        f"parsing alone takes {profile.parse_micros:.2f} µs"
    )
    table.add_column("stage")
    table.add_column("part")
    table.add_column("µs an event", justify="right")
    table.add_column("share", justify="right")
    total = sum(sum(parts.values()) for parts in profile.micros.values())
    for group, parts in sorted(profile.micros.items(), key=lambda item: -sum(item[1].values())):
        own = sum(parts.values())
        table.add_row(group, "", f"{own:.2f}", f"{own / total:.0%}", style="bold")
        for part, micros in parts.items() if len(parts) > 1 else ():
            table.add_row("", part, f"{micros:.3f}", f"{micros / total:.1%}")
    table.add_row("in all, under the stopwatch", "", f"{total:.2f}", "100%", style="bold")
    return table


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=500)
    parser.add_argument("--mixed", action="store_true", help="the life-cycle stream instead of order.created")
    parser.add_argument("--functions", type=int, default=0, help="also list so many Python functions by cost")
    parser.add_argument("--json", type=Path, help="write the profile to this file")
    arguments = parser.parse_args()
    make = workload.life_cycle if arguments.mixed else workload.created
    batches = batches_of(make(WARM_UP + arguments.orders), arguments.batch)
    cut = WARM_UP // arguments.batch
    measured = profile(batches, cut, arguments.batch)
    wide_console().print(table_of(measured))
    if arguments.functions:
        print_functions(batches, cut, arguments.functions)
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(measured)))


if __name__ == "__main__":
    main()
