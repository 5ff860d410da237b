"""Orders per CPU-second over the whole path, from Kafka to Redis, beside peers on the same events.

Every system runs alone, in a process pinned to one core, with broker, Redis and this program on the other.
All read the same events of four partitions from the first on; slow ones read fewer. Rounds are interleaved
(every system once a round, in a turning order), and ratios are taken within a round. A core's own speed can
double from one minute to the next, so each process also times an empty loop; a second ratio has that taken out.

    python -m tests.benchmarks.whole_path [--quick] [--rounds N] [--only NAME ...] [--real] [--json FILE]
"""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
from rich.table import Table

from tests.benchmarks import systems, workload
from tests.benchmarks.kafka_topic import fill_topic
from tests.benchmarks.spread import Spread, wide_console
from tests.benchmarks.system import System, cores, measure, pin
from tests.parts.services import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from stream.embedded import Services
    from tests.benchmarks.gauge import Reading


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the table: a system, the stream it reads, and how many events of it."""

    system: System
    stream: str
    events: int
    warm_up: int

    @property
    def name(self) -> str:
        """What the table calls it."""
        return self.system.name if self.stream == "created" else f"{self.system.name}: {self.stream}"


@dataclass(frozen=True, slots=True)
class Result:
    """The readings of one entry, a round each."""

    name: str
    stream: str
    readings: list[Reading]

    @property
    def rates(self) -> list[float]:
        """Events a CPU-second, by round."""
        return [reading.per_cpu_second for reading in self.readings]

    @property
    def even_rates(self) -> list[float]:
        """The same, with the core's own speed taken out."""
        return [reading.per_million_turns for reading in self.readings]


FULL: Final = (
    Entry(systems.OURS, "created", 200_000, 40_000),
    Entry(systems.LIMIT, "created", 200_000, 40_000),
    Entry(systems.PLAIN, "created", 24_000, 3_000),
    Entry(systems.NO_TABLE, "created", 8_000, 1_000),
    Entry(systems.NO_TABLE_WEIGHTED, "created", 8_000, 1_000),
    Entry(systems.TABLE, "created", 1_500, 150),
    Entry(systems.OURS, "life cycle", 120_000, 40_000),
)
QUICK: Final = (
    Entry(systems.OURS, "created", 80_000, 20_000),
    Entry(systems.LIMIT, "created", 80_000, 20_000),
    Entry(systems.PLAIN, "created", 12_000, 2_000),
    Entry(systems.TABLE, "created", 800, 100),
)
BARS: Final = (
    (systems.TABLE, 60.0),
    (systems.PLAIN, 4.0),
    (systems.LIMIT, 0.5),
)
"""What is to be reached: our orders a CPU-second over theirs."""
ORDERS_BAR: Final = 50_000


def run(services: Services, entries: Sequence[Entry], rounds: int, console: Console) -> list[Result]:
    """Measure every entry `rounds` times, interleaved."""
    topics = _topics(services, entries, console)
    _, core = cores()
    results = {entry: Result(entry.name, entry.stream, []) for entry in entries}
    for number, entry in _turns(entries, rounds):
        reading = measure(
            entry.system,
            services,
            topics[entry.stream, entry.events],
            warm_up=entry.warm_up,
            events=entry.events,
            core=core,
        )
        results[entry].readings.append(reading)
        console.print(
            f"  round {number + 1}  {entry.name:40} {reading.per_cpu_second:>10,.0f} a CPU-second "
            f"(the core: {reading.speed:.0f} M turns of a loop)"
        )
    return list(results.values())


def _topics(services: Services, entries: Sequence[Entry], console: Console) -> dict[tuple[str, int], str]:
    """Topics by stream and length: who reads few events must not spend its time on fetching more."""
    make = {"created": workload.created, "life cycle": workload.life_cycle}
    topics = {}
    for stream in dict.fromkeys(entry.stream for entry in entries):
        lengths = {entry.events for entry in entries if entry.stream == stream}
        messages = make[stream](max(lengths))
        size = sum(len(message.value) for message in messages) / len(messages)
        console.print(f"  {stream}: {len(messages):,} events of {size:.0f} bytes on average")
        for length in lengths:
            name = f"{stream.replace(' ', '-')}-{length}"
            topics[stream, length] = fill_topic(services.kafka_brokers, name, messages[:length])
    return topics


def _turns(entries: Sequence[Entry], rounds: int) -> Iterator[tuple[int, Entry]]:
    """Each round in another order: who comes after whom is no advantage."""
    for number in range(rounds):
        shift = number * (len(entries) // rounds or 1) % len(entries)
        for entry in (*entries[shift:], *entries[:shift]):
            yield number, entry


def table_of(results: Sequence[Result]) -> Table:
    """What was measured, with our rate over each peer's."""
    table = Table(title="Whole path: median of the rounds (least-greatest)")
    table.add_column("", no_wrap=True)
    for heading in (
        "a CPU-second",
        "a second",
        "ours / theirs",
        "at equal speed",
        "to reach",
        "batch",
        "MiB",
        "alerts",
    ):
        table.add_column(heading, justify="right")
    ours = _find(results, systems.OURS)
    for result in results:
        table.add_row(result.name, *_cells(result, ours))
    return table


def _cells(result: Result, ours: Result | None) -> Iterator[str]:
    yield Spread.of(result.rates).text()
    yield Spread.of([reading.per_wall_second for reading in result.readings]).text()
    if result is ours:
        yield from ("1", "1", f"{ORDERS_BAR:,}")
    elif ours is None or result.stream != ours.stream:
        yield from ("", "", "")
    else:
        yield Spread.of_ratios(ours.rates, result.rates).text(".2f")
        yield Spread.of_ratios(ours.even_rates, result.even_rates).text(".2f")
        yield next((f"{bar:g}" for system, bar in BARS if system.name == result.name), "")
    yield f"{sum(r.events for r in result.readings) / sum(r.batches for r in result.readings):,.0f}"
    yield f"{max(reading.peak_rss_mib for reading in result.readings):.0f}"
    yield f"{result.readings[-1].alerts:,}"


def split_of(results: Sequence[Result]) -> str:
    """How our time is shared between the pipeline and all that surrounds it."""
    ours = [result for result in results if any(reading.scoring_seconds for reading in result.readings)]
    return "\n".join(
        f"{result.name}: {_micros(result, 'cpu_seconds'):.1f} µs an event, of which the pipeline "
        f"{_micros(result, 'scoring_seconds'):.1f}, the rest is consumer and delivery"
        for result in ours
    )


def _micros(result: Result, seconds: str) -> float:
    return Spread.of([1e6 * getattr(reading, seconds) / reading.events for reading in result.readings]).median


def _find(results: Sequence[Result], system: System) -> Result | None:
    return next((result for result in results if result.name == system.name), None)


def select(quick: bool, names: Sequence[str]) -> list[Entry]:
    """The entries to run; `names` are parts of their names."""
    chosen = QUICK if quick else FULL
    return [entry for entry in chosen if not names or any(name in entry.name for name in names)]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer systems, fewer events, two rounds")
    parser.add_argument("--rounds", type=int, help="3, or 2 with --quick")
    parser.add_argument("--only", nargs="*", default=[], help="parts of the names of the systems to run")
    parser.add_argument("--real", action="store_true", help="on Apache Kafka and redis-server; see make test-real")
    parser.add_argument("--json", type=Path, help="write every reading to this file")
    arguments = parser.parse_args()
    console = wide_console()
    pin(cores()[0])
    with kind_of(arguments.real)() as parts:
        results = run(
            parts.services,
            select(arguments.quick, arguments.only),
            arguments.rounds or (2 if arguments.quick else 3),
            console,
        )
    console.print(table_of(results))
    console.print(split_of(results))
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(results)))


if __name__ == "__main__":
    main()
