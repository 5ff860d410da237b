"""Loads the code that judging needs before orders come, so that the first ones after a takeover do not wait for it.

Compiled kernels are read from their cache when they are first called, some of them only by an order of a certain
kind. So a pipeline of the same settings, which is thrown away, judges the first orders of a simulated shop.
"""

from __future__ import annotations

from itertools import islice
from typing import Final
from zlib import crc32

from config.settings import Settings
from stream.pipeline import Pipeline
from stream.record import StoredRecord

_EVENTS: Final = 3_000
_BATCH: Final = 500


def warm_up(settings: Settings) -> None:
    """Judge a few thousand simulated events, about a second of work, and forget them."""
    from stream.simulator import demo_scenario, simulate

    pipeline, n = Pipeline(settings), settings.kafka.partitions
    events = simulate(demo_scenario())
    for start in range(0, _EVENTS, _BATCH):
        batches: list[list[StoredRecord]] = [[] for _ in range(n)]
        for offset, event in enumerate(islice(events, _BATCH), start):
            key = event.key.encode()
            batches[crc32(key) % n].append(StoredRecord(event.value, key, offset))
        for partition, batch in enumerate(batches):
            if batch:
                pipeline.process(partition, batch, wait=False)
