"""Scored rows on their way out: gathered into blocks, and given to Kafka before their offsets may be committed.

At high rates a batch is a block; at low rates a batch holds a few orders, and a block would cost more than judging
them. So rows wait, `feature_log.every_seconds` at most, and what they came from is not committed meanwhile.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from prometheus_client import Metric

    from stream.engine.publisher import Publisher
    from stream.feature_log import Block, FeatureLog
    from stream.scored_rows import ScoredRows

_MOST_ROWS: Final = 2_000  # some 300 bytes each: half of what a topic takes by default


class FeatureWriter:
    """Writes the rows of all partitions of one worker; also a collector of prometheus-client."""

    def __init__(self, log: FeatureLog, publisher: Publisher, every_seconds: float) -> None:
        self._log = log
        self._publisher = publisher
        self._every_seconds = every_seconds
        self._waiting: dict[int, list[ScoredRows]] = {}
        self._since: dict[int, float] = {}
        self._writing = asyncio.Lock()
        self._rows = self._bytes = 0
        publisher.registry.register(self)

    def collect(self) -> Iterator[Metric]:
        """Give what was written, and what waits."""
        yield CounterMetricFamily(
            "orderwatch_feature_rows", "Scored rows written to the feature log.", value=self._rows
        )
        yield CounterMetricFamily("orderwatch_feature_bytes", "Bytes of their blocks.", value=self._bytes)
        waiting = sum(len(rows) for some in self._waiting.values() for rows in some)
        what = "Scored rows that wait to become a block; what they came from is committed after it."
        yield GaugeMetricFamily("orderwatch_feature_rows_waiting", what, value=waiting)

    async def write(self, scored: Iterable[ScoredRows] = (), *, at_once: bool = False) -> bool:
        """Take in rows, and write those that are many enough or have waited long enough; whether there were any."""
        for rows in scored:
            self._waiting.setdefault(rows.partition, []).append(rows)
            self._since.setdefault(rows.partition, time.monotonic())
        async with self._writing:
            due = [partition for partition in self._waiting if at_once or self._is_due(partition)]
            if due:
                blocks = [block for partition in due for block in self._blocks(self._waiting[partition])]
                counts = {partition: len(self._waiting[partition]) for partition in due}
                await self._publisher.publish_blocks(blocks)
                self._bytes += sum(len(block.value) for block in blocks)
                for partition, count in counts.items():
                    self._forget(partition, count)
        return bool(due)

    def held(self, held: Mapping[int, int]) -> Mapping[int, int]:
        """Partition -> first offset that waits, be it for a block or as `held` says."""
        if not self._waiting:
            return held
        first = {partition: int(rows[0].offset[0]) for partition, rows in self._waiting.items()}
        return {**held, **{partition: min(at, held.get(partition, at)) for partition, at in first.items()}}

    def _is_due(self, partition: int) -> bool:
        waited = time.monotonic() - self._since[partition]
        return waited >= self._every_seconds or sum(map(len, self._waiting[partition])) >= _MOST_ROWS

    def _blocks(self, rows: list[ScoredRows]) -> list[Block]:
        """Blocks of at most so many rows, unless one batch has more."""
        pieces: list[list[ScoredRows]] = [[]]
        for some in rows:
            if pieces[-1] and sum(map(len, pieces[-1])) + len(some) > _MOST_ROWS:
                pieces.append([])
            pieces[-1].append(some)
        return [self._log.block(piece) for piece in pieces]

    def _forget(self, partition: int, count: int) -> None:
        """Rows were written; those that came meanwhile go on waiting."""
        rows = self._waiting.pop(partition)
        self._rows += sum(map(len, rows[:count]))
        left = rows[count:]
        self._since.pop(partition)
        if left:
            self._waiting[partition] = left
            self._since[partition] = time.monotonic()
