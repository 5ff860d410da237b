"""What the feature log costs: the same batches judged with it and without, in pairs one after the other.

    python -m tests.benchmarks.bench_feature_log [--pairs N]

CPU time of the pipeline and of making the blocks; handing them to Kafka is not in it. How quickly the rows are read
back stands below it.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING, Final

from config.settings import load
from features.partitioner import partitions_of
from stream.pipeline import Pipeline
from stream.record import StoredRecord
from tests.benchmarks.spread import Spread
from tests.benchmarks.workload import created

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.scored_rows import ScoredRows

_ORDERS: Final = 60_000
_WARM_UP: Final = 20_000
_BLOCK_ROWS: Final = 2_000
_FEW: Final = 10


def batches(orders: int, most: int) -> list[tuple[int, list[StoredRecord]]]:
    """Orders as a worker of four partitions reads them, at most so many at once."""
    messages = created(orders)
    places = partitions_of([message.key for message in messages], 4).tolist()
    waiting: list[list[StoredRecord]] = [[] for _ in range(4)]
    offsets, found = [0] * 4, []
    for message, place in zip(messages, places, strict=True):
        waiting[place].append(StoredRecord(message.value, message.key, offsets[place], message.time_ms))
        offsets[place] += 1
        if len(waiting[place]) == most:
            found.append((place, waiting[place]))
            waiting[place] = []
    return found


def run(some: Sequence[tuple[int, list[StoredRecord]]], *, on: bool) -> tuple[float, float, int]:
    """Microseconds of CPU an order in the pipeline, and in blocks; and bytes of the blocks."""
    pipeline = Pipeline(load(feature_log={"on": on}))
    seconds, blocks, size, orders, seen = 0.0, 0.0, 0, 0, 0
    waiting: dict[int, list[ScoredRows]] = {}
    for partition, records in some:
        began = time.process_time()
        scored = pipeline.process(partition, records).scored
        judged = time.process_time()
        for rows in scored:
            waiting.setdefault(rows.partition, []).append(rows)
        for ready in [place for place, mine in waiting.items() if sum(map(len, mine)) >= _BLOCK_ROWS]:
            assert pipeline.feature_log is not None, "there are rows"
            size += len(pipeline.feature_log.block(waiting.pop(ready)).value)
        seen += len(records)
        if seen > _WARM_UP:
            seconds, blocks, orders = (
                seconds + judged - began,
                blocks + time.process_time() - judged,
                orders + len(records),
            )
    return 1e6 * seconds / orders, 1e6 * blocks / orders, size // seen


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=4)
    pairs = parser.parse_args().pairs
    for most in (2_500, 100, 2):
        some = batches(_ORDERS if most > _FEW else _WARM_UP + _ORDERS // 10, most)
        off, on, made = [], [], []
        size = 0
        for _ in range(pairs):
            off.append(run(some, on=False)[0])
            pipeline, blocks, size = run(some, on=True)
            on.append(pipeline + blocks)
            made.append(blocks)
        print(
            f"batches of {most:>5}: off {Spread.of(off).text('.1f')} µs an order, on {Spread.of(on).text('.1f')}, "
            f"ratio {Spread.of_ratios(on, off).text('.3f')}, of it blocks {Spread.of(made).text('.2f')}; {size} bytes"
        )
    from tests.benchmarks import bench_history  # it reads what is made here

    bench_history.rates(pairs)


if __name__ == "__main__":
    main()
