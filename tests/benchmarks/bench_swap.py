"""For how long orders wait when another model is promoted: a live worker, a forest that serves and one that follows it.

    python -m tests.benchmarks.bench_swap [--trees N] [--samples N] [--swaps N]

Orders come two hundred times a second. A wait is the time from the end of one call of the judge to the end of the next,
so that both what stands between two batches and what slows a batch down is in it. Waits while a promoted model is
loaded, tried and swapped in stand beside those of quiet seconds before; the swap itself is taken by itself.
"""

from __future__ import annotations

import argparse
import itertools
import os
import signal
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from config.settings import Settings, load
from models.detectors.sklearn_detector import SklearnDetector
from stream.control_topic import Announcement, announce
from stream.embedded import embedded_services
from stream.engine.worker import on_embedded, run_worker
from stream.model_registry.adding import add_detector
from stream.model_registry.registry import Registry
from stream.pipeline import Outcome, Pipeline
from tests.benchmarks.workload import created
from tests.parts.traffic import send

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.record import Record

_FEATURES: Final = ("basket_total", "margin", "discount_depth", "basket_size", "price_deviation")
_ROWS: Final = 20_000
_PACE_SECONDS: Final = 0.005
_QUIET_SECONDS: Final = 5.0
_SWITCH_SECONDS: Final = 60.0


class Timed(Pipeline):
    """Takes down when each call ended, and how long each swap took."""

    def __init__(self, settings: Settings) -> None:
        """Nothing was called."""
        super().__init__(settings)
        self.ends: list[float] = []
        self.swaps: list[float] = []

    def process(self, partition: int, records: Sequence[Record], **how: bool) -> Outcome:
        """Judge, and take the time."""
        outcome = super().process(partition, records, **how)
        self.ends.append(time.perf_counter())
        return outcome

    def serve(self, *args: Any) -> None:
        """Swap, and take the time."""
        began = time.perf_counter()
        super().serve(*args)
        self.swaps.append(time.perf_counter() - began)


def registry_of_forests(folder: str, trees: int, samples: int, settings: Settings) -> Registry:
    """Two versions of a forest; the first is the champion."""
    registry, rows = Registry.open(folder), np.random.default_rng(1).normal(size=(_ROWS, len(_FEATURES)))
    for seed in (1, 2):
        params = {"n_estimators": trees, "max_samples": samples}
        forest = SklearnDetector(params=params, first_fit_rows=_ROWS, window_rows=_ROWS, refit_rows=0, seed=seed)
        forest.learn(rows)
        add_detector(
            registry, "forest", "sklearn_detector", forest, features=_FEATURES, settings=settings, author="bench",
            rows=rows[:2_000],
        )  # fmt: skip
    registry.promote("forest", 1, author="bench")
    return registry


def waits(ends: Sequence[float], since: float, until: float) -> list[float]:
    """Milliseconds from call to call that ended in a stretch of time."""
    return [1e3 * (b - a) for a, b in itertools.pairwise(ends) if since <= b <= until]


def told(name: str, some: Sequence[float]) -> str:
    """Some waits in a line."""
    low, high = np.percentile(some, [50, 99])
    return f"{name}: p50 {low:.1f} ms, p99 {high:.1f}, longest {max(some):.1f} ({len(some)} calls)"


class Director:
    """Sends orders, and promotes one forest and the other in turn."""

    def __init__(self, settings: Settings, registry: Registry, pipeline: Timed, swaps: int) -> None:
        """Nothing has begun."""
        self._settings, self._registry, self._pipeline, self._swaps = settings, registry, pipeline, swaps
        self.quiet: list[float] = []
        self.during: list[float] = []
        self.took: list[float] = []
        self._done = threading.Event()

    def start(self, _: object) -> None:
        """Begin, once the worker is there."""
        for work in (self._keep_busy, self._direct):
            threading.Thread(target=work, daemon=True).start()

    def _keep_busy(self) -> None:
        for message in created(60_000):
            if self._done.is_set():
                return
            send(self._settings, [message.value], pace_seconds=_PACE_SECONDS)

    def _direct(self) -> None:
        while len(self._pipeline.ends) < 200:  # calls, until it runs smoothly
            time.sleep(0.1)
        for number in range(self._swaps):
            before = time.perf_counter()
            time.sleep(_QUIET_SECONDS)
            began, version = time.perf_counter(), 2 - number % 2
            self._promote(version)
            while len(self._pipeline.swaps) <= number and time.perf_counter() < began + _SWITCH_SECONDS:
                time.sleep(0.01)
            ended = time.perf_counter()
            self.took.append(ended - began)
            self.quiet += waits(self._pipeline.ends, before, began)
            self.during += waits(self._pipeline.ends, began, ended)
        self._done.set()
        os.kill(os.getpid(), signal.SIGTERM)

    def _promote(self, version: int) -> None:
        change = self._registry.promote("forest", version, author="bench")
        announce(self._settings.kafka, Announcement("forest", change.number, "bench"))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trees", type=int, default=300)
    parser.add_argument("--samples", type=int, default=2_048)
    parser.add_argument("--swaps", type=int, default=3)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, embedded_services() as services:
        entry = {"on": True, "model": "forest", "features": []}
        settings = load(
            models={"registry": folder, "shadow": 0}, detectors={"sklearn_detector": entry}, checkpoint={"on": False}
        )
        settings = on_embedded(settings, services)
        registry = registry_of_forests(folder, asked.trees, asked.samples, settings)
        size = sum(file.stat().st_size for file in Path(folder).rglob("*") if file.is_file()) / 2e6
        pipeline = Timed(settings)
        director = Director(settings, registry, pipeline, asked.swaps)
        run_worker(settings, pipeline, on_ready=director.start)
    print(f"{asked.trees} trees of {asked.samples} rows, {size:.1f} MB a version; {asked.swaps} swaps")
    print(told("quiet      ", director.quiet))
    print(told("being loaded", director.during))
    print(f"from the promotion until it serves: {', '.join(f'{one:.2f}' for one in director.took)} s")
    print(f"the swap itself: {', '.join(f'{1e3 * one:.2f}' for one in pipeline.swaps)} ms")


if __name__ == "__main__":
    main()
