"""What detection quality costs of the throughput: the same events with it and without, in turns, in this process.

    python -m tests.benchmarks.bench_detection [--orders N] [--batch N]

With: everything as shipped. Without: no score is calibrated (so that no detector speaks), no verdict is fused, no alert
has a budget, nothing is explained. What detectors and rules themselves cost is in both. Two pipelines read the same
stretches of events one after the other, each going first in every second one, and each stretch is a pair of CPU times:
so neither the machine's drift nor what else runs on it can tell for one of them. One order in 500 has a wrong total.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import Any, Final

import numpy as np

import models.judge
from models.calibration import Calibration
from models.explainer import Explainer
from models.rewound_watch import RewoundWatch
from stream.incidents import Incidents
from tests.benchmarks import workload
from tests.benchmarks.profile_pipeline import Batches, batches_of, feed, warm_pipeline

MOST_SHARE: Final = 0.25
"""What it may cost at most."""
WARM_UP: Final = 20_000
_STRETCH: Final = 4  # batches; one a partition
_SPOILT_EVERY: Final = 500


@dataclass(frozen=True, slots=True)
class DetectionCost:
    """Share of the throughput that goes, in the middle and by stretch; events; alerts with it."""

    share: float
    shares: list[float]
    events: int
    alerts: int


def _silent(_: Calibration, raw: Any, at_least: float = 0.0) -> Any:
    return np.zeros(len(raw))


def _unfused(scores: Sequence[float], _: Sequence[float]) -> tuple[float, list[float]]:
    return max(scores), [0.0] * len(scores)


_WITHOUT: Final = (
    (Calibration, "score_learn", _silent),
    (models.judge, "fuse", _unfused),
    (RewoundWatch, "_remember", lambda *_: None),
    (Explainer, "explain", lambda _, batch, verdicts: verdicts),
    (Incidents, "_is_within_budget", lambda *_: True),
)


@contextmanager
def without_quality() -> Iterator[None]:
    """Judge plainly while the block runs."""
    before = [(owner, name, getattr(owner, name)) for owner, name, _ in _WITHOUT]
    try:
        for owner, name, plain in _WITHOUT:
            setattr(owner, name, plain)
        yield
    finally:
        for owner, name, own in before:
            setattr(owner, name, own)


def measure(orders: int, batch: int) -> DetectionCost:
    """Feed both; the share is 1 - without / with, of CPU times."""
    messages = workload.created(WARM_UP + orders)
    messages = [workload.spoilt(one, i) if i % _SPOILT_EVERY == 0 else one for i, one in enumerate(messages)]
    batches, cut = batches_of(messages, batch), WARM_UP // batch
    with_it = warm_pipeline(batches[:cut])
    with without_quality():
        plain = warm_pipeline(batches[:cut])
    shares, alerts = [], 0
    for number, begin in enumerate(range(cut, len(batches), _STRETCH)):
        stretch: Batches = batches[begin : begin + _STRETCH]
        seconds = {}
        for is_plain in (True, False) if number % 2 else (False, True):
            if is_plain:
                with without_quality():
                    seconds[is_plain], _ = feed(plain, stretch)
            else:
                seconds[is_plain], told = feed(with_it, stretch)
                alerts += told
        shares.append(1.0 - seconds[True] / seconds[False])
    return DetectionCost(median(shares), sorted(shares), orders, alerts)


def line_of(cost: DetectionCost) -> str:
    """The figure beside what it may be."""
    n = len(cost.shares)
    low, high = cost.shares[n // 10], cost.shares[-1 - n // 10]
    return (
        f"calibration, fusion, budget and explanations take {cost.share:.1%} of the throughput (at most "
        f"{MOST_SHARE:.0%}); the middle four fifths of {n} pairs lie between {low:.1%} and {high:.1%}; "
        f"{cost.events:,} orders, {cost.alerts:,} alerts"
    )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=200_000)
    parser.add_argument("--batch", type=int, default=2_000)
    arguments = parser.parse_args()
    print(line_of(measure(arguments.orders, arguments.batch)))


if __name__ == "__main__":
    main()
