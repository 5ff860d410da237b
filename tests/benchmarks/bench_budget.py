"""What an alert budget lets through, and what it costs in recall: run it to see the figures.

    python tests/benchmarks/bench_budget.py [--days 30] [--seeds 3]

Five minutes on a quiet machine, twenty on a busy one. The simulated shop takes nine orders a minute, as in the demo.
Its logs are judged once; what was judged is then told under each budget. `as shipped` judges by config/default.yaml
and the demo's limits; `eager` judges with `judge.alert_score` 0.99 in every family and volumes at a chance of 1e-4,
so that far more comes than is worth telling. The first two days of a normal run warm up; days are those of the
clock of the merged log, counted from the start of the run.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import msgspec

import config
from config.policy import Policy
from config.promotions import PromotionRegister
from config.settings import Settings, load
from models.verdict import Verdict, family_of
from stream.alert import AlertWriter
from stream.incident import Notification
from stream.incidents import Incidents
from stream.pipeline import Pipeline
from stream.replay import batches
from stream.simulator import Label, SimulatorSettings, demo_scenario, promotions_of, score_run, simulate

CONFIG: Final = Path(config.__file__).parent
DAY_MS: Final = 86_400_000
WARM_UP_DAYS: Final = 2
BUDGETS: Final = (1, 2, 5, 10, 20, 100_000)
EAGER: Final = {
    "judge": {"alert_score": 0.99, "family_alert_score": {"price": 0.99, "promotion": 0.99}},
    "detectors": {
        "all_orders": {"on": True, "params": {"alert_p": 1e-4}},
        "channel_orders": {"on": True, "params": {"alert_p": 1e-4}},
        "price_outlier": {"on": True, "params": {"min_spreads": 3, "min_ratio": 1.2}},
        "latency_outlier": {"on": True, "params": {"min_spreads": 3, "min_ratio": 2}},
        "basket_outlier": {"on": True, "params": {"min_spreads": 3, "min_ratio": 3}},
    },
}


class Recorder:
    """Stands where incidents stand, and keeps what reaches them."""

    def __init__(self) -> None:
        self.pieces: list[tuple[list[Verdict], int]] = []

    def take(self, verdicts: Iterable[Verdict], upto_ms: int) -> Iterator[Notification]:
        """Keep, and tell nothing."""
        self.pieces.append((list(verdicts), upto_ms))
        return iter(())


@dataclass(frozen=True)
class Judged:
    """The verdicts of a run, and its truth."""

    settings: Settings
    pieces: list[tuple[list[Verdict], int]]
    labels: list[Label]
    start_ms: int


def judged(shop: SimulatorSettings, settings: Settings) -> Judged:
    """Judge a whole run."""
    run = simulate(shop)
    pipeline = Pipeline(settings, promotions=PromotionRegister.parse(promotions_of(shop)))
    recorder = Recorder()
    pipeline._two._incidents = recorder  # what is judged does not depend on what is told
    limits = (settings.kafka.partitions, settings.kafka.max_poll_records)
    for partition, records in batches((event.value for event in run), *limits):
        pipeline.process(partition, records)
    pipeline.finish()
    return Judged(settings, recorder.pieces, run.labels, shop.start_ms)


def told(run: Judged, budget: int) -> tuple[list[Notification], list[bytes], Incidents]:
    """What fires under a budget, and the alerts as they are written."""
    alerts = run.settings.alerts.model_copy(update={"budget_per_day": budget, "family_budget_per_day": {}})
    incidents = Incidents(alerts, Policy.load(CONFIG / "demo_policy.yaml").answer)
    writer = AlertWriter("bench", "orders", {})
    fired, written = [], []
    for verdicts, upto_ms in run.pieces:
        for one in incidents.take(verdicts, upto_ms):
            written.append(writer.write(one, {}).data)
            if one.transition == "firing":
                fired.append(one)
    return fired, written, incidents


def normal(name: str, settings: Settings, days: int, seed: int) -> None:
    """Alerts a day of traffic in which nothing is wrong."""
    started = time.perf_counter()
    usual = demo_scenario(seed)
    shop = SimulatorSettings(
        seed=seed,
        duration_seconds=(days + WARM_UP_DAYS) * 86_400.0,
        orders_per_second=usual.orders_per_second,
        latency_scale=usual.latency_scale,
        promise_sigmas=usual.promise_sigmas,
        products=usual.products,
        customers=usual.customers,
    )
    run = judged(shop, settings)
    took = f"{time.perf_counter() - started:.0f} s to judge"
    print(f"\n{days} normal days, {name} (with no budget: days within 20), seed {seed}, {took}")
    print(
        f"  {'budget':>9}  {'days within':>11}  {'held back':>9}  {'told late':>9}   family: fired a day, most in a day"
    )
    for budget in BUDGETS:
        fired, _, incidents = told(run, budget)
        by_family: dict[str, Counter[int]] = defaultdict(Counter)
        for one in fired:
            day = (one.clock_ms - run.start_ms) // DAY_MS - WARM_UP_DAYS
            if 0 <= day < days and not one.incident.answer.always:
                by_family[family_of(one.incident.head.kind)][day] += 1
        limit = min(budget, 20)
        within = sum(all(counts[day] <= limit for counts in by_family.values()) for day in range(days))
        cells = [f"{f} {c.total() / days:.2f}, {max(c.values())}" for f, c in sorted(by_family.items())]
        shown = "none" if budget == BUDGETS[-1] else str(budget)
        counts = f"{incidents.held_back.total():9}  {incidents.told_late.total():9}"
        print(f"  {shown:>9}  {within:5} of {days:2}  {counts}   " + "; ".join(cells))


def injected(name: str, settings: Settings, seeds: range) -> None:
    """Recall of the demo's incidents by family, and what else was told."""
    runs = [judged(demo_scenario(seed), settings) for seed in seeds]
    print(f"\nthe demo's incidents, {name}, seeds {seeds.start} to {seeds.stop - 1}: caught by family of the label")
    for budget in BUDGETS:
        caught: Counter[str] = Counter()
        labels: Counter[str] = Counter()
        false = held = 0
        for run in runs:
            _, written, incidents = told(run, budget)
            card = score_run(run.labels, map(msgspec.json.decode, written))
            false, held = false + len(card.false_alerts), held + incidents.held_back.total()
            for finding in card.findings:
                family = family_of(finding.label.kinds[0])
                labels[family] += 1
                caught[family] += finding.caught
        shown = "none" if budget == BUDGETS[-1] else str(budget)
        cells = "  ".join(f"{family} {caught[family]}/{labels[family]}" for family in sorted(labels))
        print(f"  {shown:>5}: {caught.total()}/{labels.total()}   {cells}   false {false}, held back {held}")


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int, default=30)
    parser.add_argument("--seeds", type=int, default=3)
    arguments = parser.parse_args()
    variants = {"as shipped": load(CONFIG / "demo.yaml"), "eager": load(CONFIG / "demo.yaml", **EAGER)}
    for name, settings in variants.items():
        injected(name, settings, range(301, 301 + arguments.seeds))
    for name, settings in variants.items():
        normal(name, settings, arguments.days, seed=201)


if __name__ == "__main__":
    main()
