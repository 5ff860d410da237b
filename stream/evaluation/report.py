"""An evaluation's outcome, as it is written to JSON and drawn as HTML."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from stream.evaluation.figures import Figures
from stream.evaluation.tally import LabelRow
from stream.evaluation.targets import Target


@dataclass(frozen=True, slots=True)
class Span:
    """What one part of the work was done on. Dates are those of the orders, UTC; the first days of it train."""

    source: str
    purpose: str
    seeds: Sequence[int]
    trains_from: str
    counts_from: str
    until: str
    orders_a_day: float


@dataclass(frozen=True, slots=True)
class FalseKind:
    """How often we told something of a kind that no label explains."""

    source: str
    level: str
    kind: str
    count: int


@dataclass(slots=True)
class Report:
    """All figures. `titles` names the watchers for people; `ours` is the one that this project ships."""

    ours: str
    titles: dict[str, str]
    budget_per_day: int
    made_at: str
    thresholds: dict[str, dict[str, float | None]] = field(default_factory=dict)
    spans: list[Span] = field(default_factory=list)
    families: list[Figures] = field(default_factory=list)
    incidents: list[Figures] = field(default_factory=list)
    targets: list[Target] = field(default_factory=list)
    missed: list[LabelRow] = field(default_factory=list)
    false_kinds: list[FalseKind] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    seconds: float = 0.0
