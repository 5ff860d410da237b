"""Runs a plan: makes each trial, lets every watcher read it, and puts the report together.

Thresholds of the others are chosen on tune seeds (simulator) and on an earlier part of the dates (real orders): the one
that catches most, and of equals the one with fewest false alerts. What is reported comes from other seeds and later
dates, and is looked at once.
"""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from stream.evaluation import datasets, real, simulated, watchers
from stream.evaluation.figures import Book
from stream.evaluation.plan import TUNE_SEEDS, Plan
from stream.evaluation.report import FalseKind, Report, Span
from stream.evaluation.tally import Tally, tally
from stream.evaluation.targets import targets_of
from stream.evaluation.trial import Purpose, Trial
from stream.evaluation.watcher import Watcher
from stream.simulator.difficulty import Difficulty

OURS: Final = "orderwatch"
Step = Callable[[str, int, int], None]
"""Told before each piece of work: what it is, how many are done, how many there are."""
MakeTrial = Callable[[int, Difficulty, Purpose], Trial]


@dataclass(slots=True)
class _Progress:
    on_step: Step
    total: int
    done: int = 0

    def say(self, what: str) -> None:
        self.on_step(what, self.done, self.total)
        self.done += 1


def evaluate(plan: Plan, on_step: Step = lambda *_: None) -> Report:
    """Evaluate what the plan asks for; takes minutes."""
    began = time.perf_counter()
    there = {name: watcher for name, watcher in watchers.known().items() if watcher.is_installed()}
    there = {OURS: there[OURS]} | there
    report = Report(
        ours=OURS,
        titles={name: watcher.title for name, watcher in there.items()},
        budget_per_day=plan.budget,
        made_at=datetime.now(UTC).isoformat(timespec="seconds"),
        notes=list(_notes(plan)),
    )
    sources = dict(_sources(plan))
    progress = _Progress(on_step, _steps(plan, len(sources), there))
    for source, make in sources.items():
        chosen = _tuned(source, make, there, plan, progress, report)
        report.thresholds[source] = chosen
        for level in plan.difficulties:
            _report(source, level, make, {name: there[name].at(chosen[name]) for name in there}, plan, progress, report)
    report.targets += targets_of(report.families, report.incidents, OURS)
    report.seconds = round(time.perf_counter() - began, 1)
    return report


def _sources(plan: Plan) -> Iterator[tuple[str, MakeTrial]]:
    yield simulated.SOURCE, _simulated(plan)
    for name, path in plan.files().items():
        yield name, _real(plan, name, path)


def _simulated(plan: Plan) -> MakeTrial:
    settings = simulated.settings_of(plan.budget, plan.overlays)

    def make(seed: int, level: Difficulty, purpose: Purpose) -> Trial:
        return simulated.trial(seed, level, purpose, settings, plan.families)

    return make


def _real(plan: Plan, name: str, path: Path) -> MakeTrial:
    dataset = datasets.known()[name]
    settings = real.settings_of(dataset, plan.budget, plan.overlays)

    def make(seed: int, level: Difficulty, purpose: Purpose) -> Trial:
        return real.trial(name, dataset, path, seed, level, purpose, settings)

    return make


def _notes(plan: Plan) -> Iterator[str]:
    for watcher in watchers.known().values():
        if not watcher.is_installed():
            yield f"{watcher.title} is left out: {watcher.package} is not installed"
    if plan.quick:
        yield "quick: one seed, and thresholds of the others as they come, not tuned"
    for name, dataset in datasets.known().items():
        if name not in plan.files():
            yield f"{name} is left out: {dataset.file} is not there (--data names its folder)"


def _steps(plan: Plan, sources: int, there: Mapping[str, type[Watcher]]) -> int:
    tuned = 0 if plan.quick else len(TUNE_SEEDS) * (1 + sum(len(watcher.thresholds) for watcher in there.values()))
    return sources * (tuned + len(plan.difficulties) * len(plan.seeds) * (1 + len(there)))


def _tuned(  # what it needs to know is what the report is made of
    source: str,
    make: MakeTrial,
    there: Mapping[str, type[Watcher]],
    plan: Plan,
    progress: _Progress,
    report: Report,
) -> dict[str, float | None]:
    """The best threshold of each watcher; None where it has none, or nothing is tuned."""
    chosen: dict[str, float | None] = dict.fromkeys(there)
    if plan.quick:
        return chosen
    scores: defaultdict[tuple[str, float], tuple[int, int]] = defaultdict(lambda: (0, 0))
    for seed in TUNE_SEEDS:
        progress.say(f"{source}: orders to tune on, seed {seed}")
        trial = make(seed, "medium", "tune")
        report.spans += [_span(trial, TUNE_SEEDS)] if seed == TUNE_SEEDS[0] else []
        for name, watcher in there.items():
            for threshold in watcher.thresholds:
                progress.say(f"{source}: {watcher.title} at {threshold}, seed {seed}")
                one = tally(name, trial, watcher.at(threshold).watch(trial))
                caught, false = scores[name, threshold]
                caught += sum(row.caught for row in one.labels)
                scores[name, threshold] = caught, false - sum(not row.true for row in one.alerts)
    for name, watcher in there.items():
        if watcher.thresholds:
            chosen[name] = max((scores[name, threshold], threshold) for threshold in watcher.thresholds)[1]
    return chosen


def _report(
    source: str,
    level: Difficulty,
    make: MakeTrial,
    made: Mapping[str, Watcher],
    plan: Plan,
    progress: _Progress,
    report: Report,
) -> None:
    tallies: dict[str, list[Tally]] = {name: [] for name in made}
    days = 0.0
    for seed in plan.seeds:
        progress.say(f"{source}, {level}: orders, seed {seed}")
        trial = make(seed, level, "report")
        days += trial.days
        if level == plan.difficulties[0] and seed == plan.seeds[0]:
            report.spans.append(_span(trial, plan.seeds))
        for name, watcher in made.items():
            progress.say(f"{source}, {level}: {watcher.title}, seed {seed}")
            tallies[name].append(tally(name, trial, watcher.watch(trial)))
    book = Book(source, level, days, tallies)
    report.families += book.by_family(plan.families)
    report.incidents += book.by_incident(OURS, plan.families)
    report.missed += [
        row for row in book.labels[OURS] if not row.caught and (not plan.families or row.family in plan.families)
    ]
    kinds = Counter(
        row.kind for row in book.alerts[OURS] if not row.true and (not plan.families or row.family in plan.families)
    )
    report.false_kinds += [FalseKind(source, level, kind, count) for kind, count in kinds.most_common()]


def _span(trial: Trial, seeds: Sequence[int]) -> Span:
    placed = sum(b'"order.created"' in line for line in trial.lines)
    days = (trial.ends_ms - trial.begins_ms) / 86_400_000
    return Span(
        trial.source,
        trial.purpose,
        list(seeds),
        _date(trial.begins_ms),
        _date(trial.reports_from_ms),
        _date(trial.ends_ms),
        round(placed / days, 1),
    )


def _date(time_ms: int) -> str:
    return datetime.fromtimestamp(time_ms / 1_000, UTC).strftime("%Y-%m-%d")
