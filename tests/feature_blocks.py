"""The feature log of five simulated hours as a worker writes it, and how it lands: what the tests of the log share."""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pyarrow as pa

import features
from config.settings import load
from stream.archive import Archive
from stream.feature_log import read_block
from stream.pipeline import Pipeline
from stream.replay import batches
from stream.simulator import SimulatorSettings, simulate
from stream.simulator.incidents import make

MOST_LINES = 120
TOPIC = "orderwatch.features.v1"


def read_back(begin, end, **wanted):
    """As Arrow's table, in which nothing is converted."""
    return features.history(begin, end, frame="arrow", **wanted)


class Worker:
    """A worker without Kafka: what its pipeline says of each batch, a block a batch."""

    def __init__(self, settings):
        on = settings.feature_log.model_copy(update={"on": True})
        self.pipeline = Pipeline(settings.model_copy(update={"feature_log": on}))
        self.pipeline.feature_log.set_versions({"half_space_trees": "3"})

    def blocks(self, number, records):
        return self.written(self.pipeline.process(number, records))

    def written(self, outcome):
        return [self.pipeline.feature_log.block([rows]).value for rows in outcome.scored]


@cache
def lines():
    """Five simulated hours over a change of date, with wrong prices."""
    settings = SimulatorSettings(
        seed=5, duration_seconds=18_000, orders_per_second=0.3, incidents=(make("price_typo", after_seconds=9_000.0),)
    )
    return tuple(event.value for event in simulate(settings))


@cache
def batches_of_log():
    return tuple(batches(lines(), load().kafka.partitions, MOST_LINES))


@cache
def blocks(sample=1.0, begin=0):
    """The blocks of a worker, in the order in which it writes them; it may start in the middle."""
    worker = Worker(load(feature_log={"sample": sample}))
    read = [block for number, some in batches_of_log()[begin:] for block in worker.blocks(number, some)]
    return (*read, *worker.written(worker.pipeline.finish()))


def logged(some):
    return pa.concat_tables([read_block(block) for block in some])


def in_order(table):
    return table.take(np.lexsort((table["offset"].to_numpy(), table["partition"].to_numpy())))


def files_in(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def archived(folder, some, *, step=10, landed=0):
    """Land the blocks in ranges of `step`, from where the files or the commit say, as the consumer does."""
    archive = Archive(str(folder), TOPIC)
    at = archive.assign(0, landed or None) or 0
    while at < len(some):
        complete = False
        for offset in range(at, min(at + step, len(some))):
            complete = archive.add(0, offset, some[offset])
            if complete:
                break
        at = archive.land(0)
    return archive
