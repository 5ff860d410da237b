"""What a watcher did in a trial, as rows: one a label, one an alert. Every figure of the report is a sum over them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from models.verdict import family_of
from stream.evaluation.catch import catches_of
from stream.evaluation.trial import DAY_MS, Trial
from stream.simulator.label import Label
from stream.simulator.scorecard import Finding, Raised, score_run


@dataclass(frozen=True, slots=True)
class LabelRow:
    """One injected fault. `block` is the day of the trial it began on; money is in minor units of its shop."""

    source: str
    level: str
    watcher: str
    block: tuple[str, int]
    family: str
    incident: str
    entity: str
    orders: int
    caught: bool
    kind: str | None
    delay_seconds: float | None
    delay_orders: int | None
    loss_minor: float
    prevented_minor: float


@dataclass(frozen=True, slots=True)
class AlertRow:
    """One condition that was told. It is true if it belongs to a label: caught it, or is a consequence of it."""

    source: str
    level: str
    watcher: str
    block: tuple[str, int]
    family: str
    kind: str
    entity: str
    true: bool


@dataclass(frozen=True, slots=True)
class Tally:
    """All rows of one watcher in one trial."""

    labels: list[LabelRow]
    alerts: list[AlertRow]
    blocks: list[tuple[str, int]]


def tally(watcher: str, trial: Trial, alerts: Iterable[Mapping[str, Any]]) -> Tally:
    """Score what a watcher told in the days that count."""
    card = score_run(trial.labels, _counted(trial, alerts), catches=catches_of(trial.source))
    shares = Counter((label.incident, label.loss_minor) for label in trial.labels)
    return Tally(
        [_label_row(watcher, trial, finding, shares) for finding in card.findings],
        [
            _alert_row(watcher, trial, raised, true=true)
            for true, told in ((True, card.true_alerts), (False, card.false_alerts))
            for raised in told
        ],
        blocks_of(trial),
    )


def blocks_of(trial: Trial) -> list[tuple[str, int]]:
    """The days of a trial that count, each under a name of its own."""
    return [(trial.name, day) for day in range(_day(trial, trial.ends_ms - 1) + 1)]


def _counted(trial: Trial, alerts: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    return [one for one in alerts if datetime.fromisoformat(one["time"]).timestamp() * 1_000 >= trial.reports_from_ms]


def _day(trial: Trial, time_ms: int) -> int:
    last = (trial.ends_ms - 1 - trial.reports_from_ms) // DAY_MS
    return min(max(0, (time_ms - trial.reports_from_ms) // DAY_MS), last)


def _label_row(watcher: str, trial: Trial, finding: Finding, shares: Counter[tuple[str, int]]) -> LabelRow:
    label = finding.label
    loss = label.loss_minor / shares[label.incident, label.loss_minor]  # an incident's labels each carry all of it
    return LabelRow(
        source=trial.source,
        level=trial.level,
        watcher=watcher,
        block=(trial.name, _day(trial, label.starts_at_ms)),
        family=family_of(label.kinds[0]),
        incident=label.incident,
        entity=label.entity,
        orders=len(label.order_ids),
        caught=finding.caught,
        kind=finding.kind,
        delay_seconds=finding.delay_seconds,
        delay_orders=finding.delay_orders,
        loss_minor=loss,
        prevented_minor=loss * _share_left(label, finding),
    )


def _share_left(label: Label, finding: Finding) -> float:
    """Share of a fault that was still to come when it was caught: of its orders, else of its time."""
    if finding.delay_seconds is None:
        return 0.0
    if finding.delay_orders is not None:
        return 1.0 - finding.delay_orders / len(label.order_ids)
    lasts = (label.ends_at_ms - label.starts_at_ms) / 1_000
    return max(0.0, 1.0 - finding.delay_seconds / lasts) if lasts else 0.0


def _alert_row(watcher: str, trial: Trial, raised: Raised, *, true: bool) -> AlertRow:
    block = trial.name, _day(trial, raised.time_ms)
    family = family_of(raised.kind)
    return AlertRow(trial.source, trial.level, watcher, block, family, raised.kind, raised.entity, true)
