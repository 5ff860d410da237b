"""Servers and logs on which faults are played, and the comparison with the calm run."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from stream.alerts_rebuild import rebuild
from stream.checkpoint.changelog import Changelog
from stream.checkpoint.units import MERGE
from stream.dead_letters_topic import Choice, list_letters
from stream.embedded import Services
from stream.produce import produce
from tests.benchmarks.spread import wide_console
from tests.chaos.crew import Crew, LogEnded
from tests.chaos.faults import Fault, Scene
from tests.chaos.row import Row
from tests.chaos.shop import BATCH_RECORDS, settings_of, topic_name
from tests.parts.same_state import differences, learned
from tests.parts.traffic import delivered

if TYPE_CHECKING:
    from collections.abc import Mapping

    from config.settings import Settings
    from features.state import State
    from tests.chaos.shop import Log, Shop
    from tests.parts.kafka_cluster import KafkaCluster
    from tests.parts.redis_server import RedisServer

_FAULT_SECONDS: Final = 30.0  # for which the log is to last, each time
_ALL: Final = 1_000_000


@dataclass(frozen=True, slots=True)
class Told:
    """The alerts of a run, each with how often it came, the dead letters, and its state at the end.

    The name of the topic, which stands in each alert, is left out: logs have topics of their own.
    """

    alerts: dict[str, bytes]
    counts: Counter[str]
    letters: Counter[tuple[bytes | None, str]]
    state: State

    @classmethod
    def of(cls, settings: Settings) -> Told:
        """What a run has left behind."""
        entries, topic = delivered(settings), settings.kafka.orders_topic.encode()
        letters = asyncio.run(list_letters(settings, Choice(), _ALL)).letters
        return cls(
            {each.id: each.data.replace(topic, b"orders") for each in entries},
            Counter(each.id for each in entries),
            Counter((letter.value, letter.error_class) for letter in letters),
            _saved(settings),
        )


def _saved(settings: Settings) -> State:
    """What the last checkpoint holds: of all, or where workers share, of what is merged and of each partition."""
    shelf = asyncio.run(Changelog(settings.kafka, {}).read())
    units = [MERGE, *map(str, range(settings.kafka.partitions))] if settings.shuffle.on else [MERGE]
    state: State = {}
    for unit in units:
        saved = shelf.newest(unit)
        if saved is None:
            raise RuntimeError("no checkpoint was saved")
        state |= saved.state
    return state


@dataclass(slots=True)
class Stage:
    """`calm` : what the undisturbed runs have told, by log; filled as it is needed, and the same for every stage."""

    shop: Shop
    kafka: KafkaCluster
    redis: RedisServer
    brokers: int
    seed: int
    folder: Path
    faketime: Path | None
    calm: dict[str, Told]
    topics: dict[Log, str] = field(default_factory=dict)

    def row(self, fault: Fault, times: int) -> Row:
        """Play a fault and compare."""
        expected = self.undisturbed(fault.calm_log)
        found, gaps = self._disturbed(fault, times)
        return _compared(fault, expected, found, gaps)

    def undisturbed(self, log: Log) -> Told:
        """The calm run."""
        if log not in self.calm:
            settings = self.settings(log)
            with Crew(settings, self.shop.promotions, len(self.shop.logs[log]), 0.0) as crew:
                crew.join()
                crew.finish()
            self.calm[log] = Told.of(settings)
        return self.calm[log]

    def settings(self, log: Log, *, shares: bool = False) -> Settings:
        """Of a run that reads a log, and writes what no other does; `shares` : its workers share the partitions."""
        services = Services(self.kafka.brokers, self.redis.url)
        if log not in self.topics:
            self.topics[log] = topic_name()
            asyncio.run(produce(self.shop.logs[log], settings_of(services, self.topics[log], self.brokers)))
        return settings_of(services, self.topics[log], self.brokers, shares=shares)

    def _disturbed(self, fault: Fault, times: int) -> tuple[Told, list[float]]:
        """The run under a fault, and how long each gap was; fewer than asked for if the log ends before."""
        settings, total = self.settings(fault.log, shares=fault.shares), len(self.shop.logs[fault.log])
        pause_seconds = _FAULT_SECONDS * (times + 1) * (1 + fault.shares) * BATCH_RECORDS / total
        clock = self.folder / "clock"
        clock.write_text("+0s\n")
        environment = self._clocked(clock) if fault.needs == "faketime" else {}
        gaps: list[float] = []
        with Crew(settings, self.shop.promotions, total, pause_seconds, environment) as crew:
            scene = Scene(crew, self.kafka, self.redis, random.Random(f"{self.seed} {fault.name}"), clock)
            crew.join(scene.draw.randint(1, 4))
            crew.watching()
            crew.join(scene.draw.randint(1, 4))
            with suppress(LogEnded):
                while len(gaps) < times:
                    gaps.append(fault.inject(scene))
                    wide_console().print(f"  {len(gaps)} of {times}: {gaps[-1]:.1f} s  {fault.name}")
            crew.finish()
        if fault.empties_redis:
            asyncio.run(rebuild(settings))
        return Told.of(settings), gaps

    def _clocked(self, clock: Path) -> Mapping[str, str]:
        return {
            "LD_PRELOAD": str(self.faketime),
            "FAKETIME_TIMESTAMP_FILE": str(clock),
            "FAKETIME_CACHE_DURATION": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        }


def _compared(fault: Fault, expected: Told, found: Told, gaps: list[float]) -> Row:
    """A line of the table. What no calm worker says counts as changed.

    Where the log is another one, ids are compared alone: an alert names the offset of the order that raised it.
    """
    ids, is_same_log = expected.alerts.keys(), fault.log == fault.calm_log
    changed = sum(found.alerts.get(each, data) != data for each, data in expected.alerts.items())
    changed = changed if is_same_log else 0
    states = (learned(expected.state), learned(found.state)) if fault.shares else (expected.state, found.state)
    too_few, too_many = expected.letters - found.letters, found.letters - expected.letters
    return Row(
        fault.name,
        len(gaps),
        len(ids),
        len(ids - found.alerts.keys()),
        sum(count - 1 for count in found.counts.values()),
        changed + len(found.alerts.keys() - ids),
        (too_few + too_many).total() if is_same_log else 0,
        differences(*states) if is_same_log else None,
        gaps,
    )
