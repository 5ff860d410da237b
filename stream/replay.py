"""A file of events through the very pipeline of the stream, in this process, partitioned as the stream is."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from features.partitioner import key_of, partitions_of
from stream.pipeline import Outcome, Pipeline
from stream.record import StoredRecord

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from config.promotions import PromotionRegister
    from config.settings import Settings
    from models.warm_up import WarmUp
    from stream.alert import Alert


@dataclass(frozen=True, slots=True)
class ReplaySummary:
    """What a replay did.

    `events` were valid, `invalid` went to the dead letters, `duplicates` and `late` are among `events`.
    `alerts` counts the times a condition began to hold, `transitions` also its updates and its end, `conditions`
    the distinct things they are about, `held_back` those that a family's budget of alerts did not let through.
    `warming_up` names the parts that had no opinion to the end, and how far they were: "13 of 24 hours".
    """

    events: int
    invalid: int
    duplicates: int
    late: int
    alerts: int
    transitions: int
    conditions: int
    alerts_by_kind: dict[str, int]
    held_back: dict[str, int]
    warming_up: dict[str, str]
    seconds: float


@dataclass(slots=True)
class Tally:
    """Adds up outcomes, and hands each alert on as it comes."""

    on_alert: Callable[[Alert], None]
    events: int = 0
    invalid: int = 0
    duplicates: int = 0
    late: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    transitions: int = 0
    conditions: set[str] = field(default_factory=set)
    began: float = field(default_factory=time.perf_counter)

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        self.events += outcome.events
        self.invalid += len(outcome.dead_letters)
        self.duplicates += outcome.duplicates
        self.late += outcome.late
        for alert in outcome.alerts:
            self.add_alert(alert)

    def add_alert(self, alert: Alert) -> None:
        """Count one alert."""
        self.transitions += 1
        self.kinds[alert.kind] += alert.transition == "firing"
        self.conditions.add(alert.fingerprint)
        self.on_alert(alert)

    def summary(self, held_back: dict[str, int], warming_up: Mapping[str, WarmUp] | None = None) -> ReplaySummary:
        """Say what has been counted, and how long it took since this tally was made."""
        return ReplaySummary(
            events=self.events,
            invalid=self.invalid,
            duplicates=self.duplicates,
            late=self.late,
            alerts=self.kinds.total(),
            transitions=self.transitions,
            conditions=len(self.conditions),
            alerts_by_kind={kind: count for kind, count in self.kinds.most_common() if count},
            held_back=held_back,
            warming_up={name: str(warm_up) for name, warm_up in sorted((warming_up or {}).items())},
            seconds=round(time.perf_counter() - self.began, 3),
        )


def replay(
    lines: Iterable[bytes],
    settings: Settings,
    promotions: PromotionRegister | None = None,
    on_alert: Callable[[Alert], None] = lambda _: None,
) -> ReplaySummary:
    """Judge `lines`, one event each, as a stream that ends with the last of them."""
    tally = Tally(on_alert)
    pipeline = Pipeline(settings, promotions=promotions)
    for partition, records in batches(lines, settings.kafka.partitions, settings.kafka.max_poll_records):
        tally.add(pipeline.process(partition, records))
    tally.add(pipeline.finish())
    return tally.summary(pipeline.held_back, pipeline.warming_up)


def batches(lines: Iterable[bytes], partitions: int, most_lines: int) -> Iterator[tuple[int, list[StoredRecord]]]:
    """Cut `lines` into batches of one partition each; offsets count up in each partition, as Kafka's do.

    >>> lines = [b'{"event_type": "order.paid", "order_id": "o1"}', b"no event"]
    >>> [(partition, len(records)) for partition, records in batches(lines, 1, 100)]
    [(0, 2)]
    """
    offsets = [0] * partitions
    remaining = iter(lines)
    while chunk := list(islice(remaining, most_lines)):
        keys = list(map(key_of, chunk))
        hashed = [key or line for key, line in zip(keys, chunk, strict=True)]
        batch: list[list[StoredRecord]] = [[] for _ in range(partitions)]
        for partition, key, line in zip(partitions_of(hashed, partitions).tolist(), keys, chunk, strict=True):
            batch[partition].append(StoredRecord(line, key, offsets[partition]))
            offsets[partition] += 1
        yield from ((partition, records) for partition, records in enumerate(batch) if records)
