"""Faults, injected into real servers and workers under load, and what became of the alerts: `make chaos`.

    python -m tests.chaos [--seed N] [--only WORD] [--times N]

Apache Kafka and redis-server. The same event log is judged by a calm worker, and once for each fault by a crew of two
while the fault is injected again and again. Compared are the alerts in Redis, by id and by every byte, and the state
that the last checkpoint holds. The times and kinds of the faults follow from the seed; the machine's speed decides
where in the log they fall.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import time
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from rich.table import Table

from stream.alerts_rebuild import rebuild
from stream.checkpoint.changelog import Changelog
from stream.embedded import Services
from stream.produce import produce
from tests.benchmarks.spread import Spread, wide_console
from tests.chaos.crew import Crew
from tests.chaos.faults import FAULTS, Fault, Scene
from tests.chaos.shop import Shop, settings_of, topic_name
from tests.parts.kafka_cluster import KafkaCluster
from tests.parts.needs import program
from tests.parts.redis_server import RedisServer
from tests.parts.same_state import differences
from tests.parts.traffic import delivered

if TYPE_CHECKING:
    from config.settings import Settings
    from features.state import State

_PAUSE_SECONDS: Final = 0.02
_CALM_PAUSE_SECONDS: Final = 0.0


@dataclass(frozen=True, slots=True)
class Told:
    """The alerts of a run, each with how often it came, and its state at the end."""

    alerts: dict[str, bytes]
    counts: Counter[str]
    state: State


@dataclass(frozen=True, slots=True)
class Row:
    """A line of the table."""

    fault: str
    times: int
    expected: int
    lost: int
    doubled: int
    changed: int
    arrays: list[str]
    gaps: list[float]

    @property
    def is_exact(self) -> bool:
        """Whether nothing differs from the calm run."""
        return not (self.lost or self.doubled or self.changed or self.arrays)


def told(settings: Settings) -> Told:
    """What a run has left behind."""
    entries = delivered(settings)
    saved = asyncio.run(Changelog(settings.kafka, {}).read()).newest()
    if saved is None:
        raise RuntimeError("no checkpoint was saved")
    return Told({each.id: each.data for each in entries}, Counter(each.id for each in entries), saved.state)


def calm(shop: Shop, services: Services, topic: str) -> Told:
    """The undisturbed run."""
    settings = settings_of(services, topic)
    with Crew(settings, shop.promotions, len(shop.events), _CALM_PAUSE_SECONDS) as crew:
        crew.join()
        crew.finish()
    return told(settings)


def disturbed(
    fault: Fault, times: int, shop: Shop, topic: str, kafka: KafkaCluster, redis: RedisServer, seed: int
) -> tuple[Told, list[float]]:
    """The run under a fault, and how long each gap was."""
    settings = settings_of(Services(kafka.brokers, redis.url), topic)
    with Crew(settings, shop.promotions, len(shop.events), _PAUSE_SECONDS) as crew:
        place = Scene(crew, kafka, redis, random.Random(f"{seed} {fault.name}"))
        crew.join(4 if fault.mid_checkpoint else None)
        crew.watching()
        crew.join()
        gaps = []
        for _ in range(times):
            gaps.append(fault.inject(place))
            if crew.is_done():
                raise RuntimeError(f"the log ended after {len(gaps)} of {times} faults")
        crew.finish()
    if fault.empties_redis:
        asyncio.run(rebuild(settings))
    return told(settings), gaps


def compared(fault: Fault, expected: Told, found: Told, gaps: list[float]) -> Row:
    """A line of the table. What no calm worker says counts as changed."""
    ids = expected.alerts.keys()
    changed = sum(found.alerts.get(each, data) != data for each, data in expected.alerts.items())
    return Row(
        fault.name,
        len(gaps),
        len(ids),
        len(ids - found.alerts.keys()),
        sum(count - 1 for count in found.counts.values()),
        changed + len(found.alerts.keys() - ids),
        differences(expected.state, found.state),
        gaps,
    )


def table_of(rows: list[Row]) -> Table:
    """As it is printed."""
    table = Table("fault", title="Alerts and state beside those of an undisturbed run")
    for name in (
        "times",
        "alerts expected",
        "lost",
        "doubled",
        "changed",
        "arrays that differ",
        "gap, s: median (least-worst)",
    ):
        table.add_column(name, justify="right")
    for row in rows:
        counts = (row.times, row.expected, row.lost, row.doubled, row.changed, len(row.arrays))
        table.add_row(row.fault, *map(str, counts), Spread.of(row.gaps).text(".1f"))
    return table


def main() -> None:
    """Run the faults; exit with 1 unless every one of them leaves what the calm run leaves."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", default="", help="faults whose name holds this word")
    parser.add_argument("--times", type=int, help="of each fault")
    arguments = parser.parse_args()
    console, rows = wide_console(), []
    shop, topic = Shop.of(arguments.seed), topic_name()
    with KafkaCluster() as kafka, RedisServer(program("redis-server")) as redis:
        services = Services(kafka.brokers, redis.url)
        asyncio.run(produce(shop.events, settings_of(services, topic)))
        began = time.monotonic()
        expected = calm(shop, services, topic)
        console.print(f"{len(shop.events):,} events, {len(expected.alerts)} alerts, {time.monotonic() - began:.0f} s")
        for fault in FAULTS:
            if arguments.only in fault.name:
                times = arguments.times or fault.times
                found, gaps = disturbed(fault, times, shop, topic, kafka, redis, arguments.seed)
                rows.append(compared(fault, expected, found, gaps))
                console.print(rows[-1])
    console.print(table_of(rows))
    sys.exit(not all(row.is_exact for row in rows))


if __name__ == "__main__":
    main()
