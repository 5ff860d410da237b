"""What is aimed at, and whether it was reached."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from stream.evaluation.figures import ALL, Figures

RECALL, PRECISION = 0.95, 0.80
REAL_RECALL, REAL_FALSE_A_DAY = 0.90, 10.0
NEVER_MISSED: Final = {
    "simulator": ("promotion_stacking", "total_gap", "price_typo", "duplicate_submission"),
    "olist": ("stacked_promotions", "total_gap", "price_times_ten", "double_payment"),
}
"""Incidents that must always be caught, by source."""


@dataclass(frozen=True, slots=True)
class Target:
    """One aim: `got` must be at least (or at most, where `at_most`) `wanted`, as `beside` did if named."""

    source: str
    level: str
    what: str
    wanted: float
    got: float | None
    at_most: bool = False
    beside: str = ""

    @property
    def reached(self) -> bool:
        """Whether it was."""
        if self.got is None:
            return False
        return self.got <= self.wanted if self.at_most else self.got >= self.wanted


def targets_of(families: Sequence[Figures], incidents: Sequence[Figures], us: str) -> Iterator[Target]:
    """The aims for which there are figures."""
    for one in families:
        if one.watcher == us and one.of == ALL:
            yield from _over_all(one)
    for one in incidents:
        if one.of in NEVER_MISSED.get(one.source, ()):
            yield Target(one.source, one.level, f"recall of {one.of}", 1.0, one.recall.value)
    yield from _beside_others(families, us)


def _over_all(one: Figures) -> Iterator[Target]:
    if one.source == "simulator":
        yield Target(one.source, one.level, "recall over all families", RECALL, one.recall.value)
        yield Target(one.source, one.level, "precision over all families", PRECISION, one.precision.value)
    elif one.source in NEVER_MISSED:
        yield Target(one.source, one.level, "recall over all families", REAL_RECALL, one.recall.value)
        yield Target(one.source, one.level, "false alerts a day", REAL_FALSE_A_DAY, one.false_a_day.value, at_most=True)


def _beside_others(families: Sequence[Figures], us: str) -> Iterator[Target]:
    """Each family no worse than the best of the others."""
    for own in families:
        if own.watcher != us or own.of == ALL or not own.labels:
            continue
        same = (own.source, own.level, own.of)
        others = [one for one in families if one.watcher != us and (one.source, one.level, one.of) == same]
        best = max(others, key=lambda one: one.recall.value or 0.0, default=None)
        if best is not None:
            wanted, what = best.recall.value or 0.0, f"recall of {own.of}"
            yield Target(own.source, own.level, what, wanted, own.recall.value, beside=best.watcher)
