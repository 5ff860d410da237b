"""orderwatch's own worker, as `orderwatch worker` runs it, with a gauge around its pipeline."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from config.settings import Settings, load
from stream.embedded import Services
from stream.engine.worker import on_embedded, run_worker
from stream.pipeline import Outcome, Pipeline
from tests.benchmarks.gauge import Gauge, UnderTest, read_arguments
from tests.benchmarks.workload import promotions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from config.promotions import PromotionRegister
    from stream.record import Record


_EVERY_ALERT = 100_000


class GaugedPipeline(Pipeline):
    """Tells the gauge of each batch that it has judged."""

    def __init__(self, settings: Settings, promotions: PromotionRegister, gauge: Gauge) -> None:
        super().__init__(settings, promotions=promotions)
        self._gauge = gauge

    def process(self, partition: int, records: Sequence[Record], *, wait: bool = True, more: bool = False) -> Outcome:
        """Judge, then count."""
        began = time.thread_time()
        outcome = super().process(partition, records, wait=wait, more=more)
        self._gauge.scoring_seconds += time.thread_time() - began
        self._gauge.alerts += len(outcome.alerts)
        self._gauge.count(len(records))
        return outcome


def settings_of(run: UnderTest) -> Settings:
    """The default settings, on the topics of this run, with a budget for every alert that is timed."""
    own = {
        "orders_topic": run.topic,
        "group": run.group,
        "dlq_topic": f"{run.group}.dlq",
        "alerts_topic": f"{run.group}.alerts",
    }
    return on_embedded(load(kafka=own, alerts={"budget_per_day": _EVERY_ALERT}), Services(run.brokers, run.redis))


def main() -> None:
    """Work until all events were read, or for ever when none are counted."""
    run = read_arguments()
    settings = settings_of(run)
    pipeline = GaugedPipeline(settings, promotions(), run.gauge())
    run_worker(settings, pipeline, until_caught_up=bool(run.events))


if __name__ == "__main__":
    main()
