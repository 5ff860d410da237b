"""Old settings against new over the same history: what is reported, as one object."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

from stream.backtest.labelled import Labelled, held_against
from stream.backtest.matching import Matched, match
from stream.backtest.run import DAY_MS, Period, Run

if TYPE_CHECKING:
    from config.settings import Settings
    from stream.simulator.label import Label

_UNSET: Final = "not set"


@dataclass(frozen=True, slots=True)
class SettingChange:
    """One setting that differs, by its path: `rules.oversold.on`."""

    path: str
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Side:
    """One run's alerts, counted. `loss` is what they named by currency; one order may stand in several alerts."""

    run: Run
    alerts: int
    alerts_a_day: float
    busiest_day: int
    by_family: dict[str, int]
    loss: dict[str, Decimal]
    labelled: Labelled | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """All that a backtest says. `period` has both its ends."""

    period: Period
    changes: tuple[SettingChange, ...]
    old: Side
    new: Side
    alerts: Matched

    @property
    def newly_caught(self) -> list[str]:
        """Incidents that only the new settings catch."""
        return _only(self.new, self.old)

    @property
    def newly_missed(self) -> list[str]:
        """Incidents that only the old settings catch."""
        return _only(self.old, self.new)

    @property
    def families(self) -> list[str]:
        """Families that alerted in either run."""
        return sorted(self.old.by_family.keys() | self.new.by_family.keys())

    def count(self, family: str) -> tuple[int, int, int]:
        """Added, removed and unchanged alerts of a family."""
        unchanged = (one for one, _ in self.alerts.unchanged)
        found = (self.alerts.added, self.alerts.removed, unchanged)
        added, removed, same = (sum(one.family == family for one in episodes) for episodes in found)
        return added, removed, same


def compare(
    old: Run, new: Run, period: Period, settings: tuple[Settings, Settings], labels: Sequence[Label] | None = None
) -> Comparison:
    """Compare two runs over the same history; `settings` are the old ones and the new ones.

    Raises HistoryUnusable where history does not reach into the period.
    """
    covered = period.within(min(old.began_ms, new.began_ms), max(old.ended_ms, new.ended_ms))
    return Comparison(
        period=covered,
        changes=tuple(changes(*settings)),
        old=_side(old, covered, labels),
        new=_side(new, covered, labels),
        alerts=match(old.episodes, new.episodes),
    )


def changes(old: Settings, new: Settings) -> list[SettingChange]:
    """The settings that differ. Secrets are never told."""
    before, after = (dict(_flat(settings.model_dump(mode="json"))) for settings in (old, new))
    return [
        SettingChange(path, before.get(path, _UNSET), after.get(path, _UNSET))
        for path in sorted(before.keys() | after.keys())
        if before.get(path) != after.get(path)
    ]


def _side(run: Run, period: Period, labels: Sequence[Label] | None) -> Side:
    losses: Counter[str] = Counter()
    for episode in run.episodes:
        if episode.loss:
            losses[episode.currency] += episode.loss  # type: ignore[assignment]  # a Counter adds up any number
    per_day = Counter(episode.fired_ms // DAY_MS for episode in run.episodes)
    return Side(
        run=run,
        alerts=len(run.episodes),
        alerts_a_day=len(run.episodes) / period.days,
        busiest_day=max(per_day.values(), default=0),
        by_family=dict(sorted(Counter(episode.family for episode in run.episodes).items())),
        loss={currency: Decimal(loss) for currency, loss in sorted(losses.items())},
        labelled=None if labels is None else held_against(labels, run.episodes, period),
    )


def _only(these: Side, others: Side) -> list[str]:
    if these.labelled is None or others.labelled is None:
        return []
    return sorted(these.labelled.caught - others.labelled.caught)


def _flat(value: Any, path: str = "") -> Iterable[tuple[str, str]]:
    if isinstance(value, dict) and value:
        for key, inner in value.items():
            yield from _flat(inner, f"{path}.{key}" if path else key)
    else:
        yield path, str(value)
