"""History through the whole pipeline once, and the alerts of the time that is asked about."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain, islice, takewhile
from typing import TYPE_CHECKING, Final

from stream.backtest.episode import Episode, Episodes
from stream.decode import Decoder
from stream.pipeline import Pipeline
from stream.record import StoredRecord
from stream.replay import ReplaySummary, Tally, batches

if TYPE_CHECKING:
    from config.promotions import PromotionRegister
    from config.settings import Settings

DAY_MS: Final = 86_400_000
FIRST_MS: Final = 946_684_800_000
LAST_MS: Final = 4_102_444_800_000
"""2000 and 2100: no order is placed before or after."""
_HEAD_LINES: Final = 1_000


class HistoryUnusable(ValueError):
    """There is nothing to compare; the message says why, and what would help."""


@dataclass(frozen=True, slots=True)
class Period:
    """Event time from `begin_ms` until before `end_ms`, since 1970 UTC.

    >>> Period(0, 36 * 3_600_000).days
    1.5
    """

    begin_ms: int = FIRST_MS
    end_ms: int = LAST_MS

    @property
    def days(self) -> float:
        """How long it is."""
        return (self.end_ms - self.begin_ms) / DAY_MS

    def holds(self, time_ms: int) -> bool:
        """Whether a time lies in it."""
        return self.begin_ms <= time_ms < self.end_ms

    def within(self, began_ms: int, ended_ms: int) -> Period:
        """The part of it that history covers. Raises HistoryUnusable where that is nothing."""
        covered = Period(max(self.begin_ms, began_ms), min(self.end_ms, ended_ms))
        if covered.days <= 0:
            raise HistoryUnusable(
                f"no event from {shown(self.begin_ms)} until {shown(self.end_ms)}: "
                f"the orders run from {shown(began_ms)} until {shown(ended_ms)}; look at --from and --to"
            )
        return covered


@dataclass(frozen=True, slots=True)
class Run:
    """What one pass over history told.

    `episodes` are the alerts that fired in the period, `held_back` the conditions of each family that its budget
    refused in it; history ran from `began_ms` until before `ended_ms`. `summary` is of all that was read.
    """

    episodes: tuple[Episode, ...]
    held_back: dict[str, int]
    began_ms: int
    ended_ms: int
    summary: ReplaySummary


def run(
    lines: Iterable[bytes],
    settings: Settings,
    promotions: PromotionRegister | None = None,
    period: Period = Period(),
) -> Run:
    """Judge `lines`, one event each, from the first one on: what comes before the period is what is learned from.

    Nothing is read beyond the period's end, but for the time that late events are waited for. Raises HistoryUnusable
    where no event is found at the beginning.
    """
    began_ms, lines = _began(lines, settings)
    pipeline, episodes = Pipeline(settings, promotions=promotions), Episodes()
    tally, clock = Tally(episodes.add), _Clock(period)
    lateness_ms = round(settings.time.allowed_lateness_seconds * 1_000)
    for partition, records in batches(
        clock.stopping(lines, lateness_ms), settings.kafka.partitions, settings.kafka.max_poll_records
    ):
        tally.add(pipeline.process(partition, records))
        clock.reach(pipeline)
    tally.add(pipeline.finish())
    ended_ms = pipeline.clock_ms + 1
    told = tuple(one for one in episodes.until(ended_ms) if period.holds(one.fired_ms))
    held_back = dict(Counter(pipeline.held_back) - clock.held_before)
    return Run(told, held_back, began_ms, ended_ms, tally.summary(pipeline.held_back))


def shown(time_ms: int) -> str:
    """A time as a person reads it, UTC.

    >>> shown(1767261787120)
    '2026-01-01 10:03'
    """
    return datetime.fromtimestamp(time_ms / 1_000, UTC).strftime("%Y-%m-%d %H:%M")


class _Clock:
    """How far history has been read, so that it ends between two rounds of the partitions and never within one."""

    def __init__(self, period: Period) -> None:
        self._period = period
        self._reached_ms = 0
        self.held_before: Counter[str] = Counter()

    def stopping(self, lines: Iterable[bytes], lateness_ms: int) -> Iterator[bytes]:
        """The lines, until the period is over and late events have come."""
        stop_ms = self._period.end_ms + lateness_ms
        return takewhile(lambda _: self._reached_ms <= stop_ms, lines)

    def reach(self, pipeline: Pipeline) -> None:
        """Note how far the log is, and what its budgets had refused before the period."""
        self._reached_ms = pipeline.clock_ms
        if self._reached_ms < self._period.begin_ms:
            self.held_before = Counter(pipeline.held_back)


def _began(lines: Iterable[bytes], settings: Settings) -> tuple[int, Iterator[bytes]]:
    """When the first events happened, and the lines again."""
    rest = iter(lines)
    head = list(islice(rest, _HEAD_LINES))
    decoded = Decoder(0, settings.decode).decode([StoredRecord(line, None, 0) for line in head])
    if not len(decoded.batch):
        raise HistoryUnusable(f"none of the first {len(head):,} lines is an order event")
    return int(decoded.batch.time_ms.min()), chain(head, rest)
