"""A run's alerts against what is known to have happened: precision, recall, time to the alert, loss covered."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

import msgspec

from stream.alert import instant
from stream.backtest.episode import Episode
from stream.backtest.proportion import Proportion
from stream.backtest.run import HistoryUnusable, Period
from stream.simulator.label import Label
from stream.simulator.scorecard import score_run

if TYPE_CHECKING:
    from stream.simulator.scorecard import Finding


@dataclass(frozen=True, slots=True)
class Labelled:
    """A run against the labels of the period.

    `precision` is the share of its alerts that belong to a labelled incident, or to one of its honest consequences;
    `recall` the share of the incidents that began in the period and were caught. `loss_minor` is what those
    incidents cost, in minor units of the currency, and `loss_caught_minor` what the caught ones did: their whole
    loss, whenever the alert came. `delay_seconds` is the median time from an incident's first sign to its alert.
    `caught` names the incidents that were, `false` the alerts that belong to none.
    """

    precision: Proportion
    recall: Proportion
    loss_minor: int
    loss_caught_minor: int
    delay_seconds: float | None
    caught: frozenset[str]
    missed: frozenset[str]
    false: frozenset[str]


def read_labels(lines: Iterable[bytes], name: str) -> list[Label]:
    """The labels of a file, one a line, as `orderwatch simulate --labels` writes them. Raises HistoryUnusable."""
    decode = msgspec.json.Decoder(Label).decode
    labels = []
    for number, line in enumerate(lines, 1):
        try:
            labels.append(decode(line))
        except msgspec.DecodeError as error:
            raise HistoryUnusable(f"{name}: line {number} is no label of `orderwatch simulate`: {error}") from None
    return labels


def held_against(labels: Sequence[Label], episodes: Sequence[Episode], period: Period) -> Labelled:
    """Score the alerts of a run.

    Every alert counts for itself here, also one of a condition that had fired before. It is judged by what it said
    when it fired.
    """
    card = score_run(labels, [_firing(episode) for episode in episodes])
    findings = [finding for finding in card.findings if period.holds(finding.label.starts_at_ms)]
    caught = [finding for finding in findings if finding.caught]
    delays = [finding.delay_seconds for finding in caught if finding.delay_seconds is not None]
    return Labelled(
        precision=Proportion(len(episodes) - len(card.false_alerts), len(episodes)),
        recall=Proportion(len(caught), len(findings)),
        loss_minor=_loss(findings),
        loss_caught_minor=_loss(caught),
        delay_seconds=median(delays) if delays else None,
        caught=frozenset(name_of(finding.label) for finding in caught),
        missed=frozenset(name_of(finding.label) for finding in findings if not finding.caught),
        false=frozenset(alert.id for alert in card.false_alerts),
    )


def name_of(label: Label) -> str:
    """An incident as a person tells it from another."""
    return f"{label.incident} of {label.entity} at {instant(label.starts_at_ms)}"


def _firing(episode: Episode) -> dict[str, Any]:
    """The alert's CloudEvent; without its fingerprint it counts each time it fires."""
    event: dict[str, Any] = msgspec.json.decode(episode.firing)
    return event | {"data": event["data"] | {"fingerprint": ""}}


def _loss(findings: Iterable[Finding]) -> int:
    return sum(finding.label.loss_minor for finding in findings)
