"""The figures of a report: for each watcher, source, level and family what was caught, what was false, how soon."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from stream.evaluation.bootstrap import Bootstrap, Estimate
from stream.evaluation.tally import AlertRow, LabelRow, Tally

ALL: Final = "all"
"""Stands for every family together."""

R = TypeVar("R", LabelRow, AlertRow)


@dataclass(frozen=True, slots=True)
class Figures:
    """One line of a report. `of` is a family (of labels and of alerts), an incident, or `all`.

    `alerts_a_day` are conditions told in `days` days. Losses are in minor units of the source's currency.
    """

    source: str
    level: str
    watcher: str
    of: str
    labels: int
    caught: int
    recall: Estimate
    true_alerts: int
    false_alerts: int
    precision: Estimate
    days: float
    alerts_a_day: Estimate
    false_a_day: Estimate
    delay_seconds: Estimate
    delay_orders: Estimate
    loss_minor: float
    loss_prevented: Estimate


class Book:
    """All rows of one source at one level, by watcher."""

    def __init__(self, source: str, level: str, days: float, tallies: Mapping[str, Sequence[Tally]]) -> None:
        """Take the rows together; every watcher has read the same days."""
        self.source, self.level, self.days = source, level, days
        self.labels = {name: [row for one in told for row in one.labels] for name, told in tallies.items()}
        self.alerts = {name: [row for one in told for row in one.alerts] for name, told in tallies.items()}
        blocks = dict.fromkeys(block for told in tallies.values() for one in told for block in one.blocks)
        self._bootstrap = Bootstrap(list(blocks))

    def families(self) -> list[str]:
        """Families of the labels."""
        return sorted({row.family for rows in self.labels.values() for row in rows})

    def incidents(self) -> list[str]:
        """Names of what was injected."""
        return sorted({row.incident for rows in self.labels.values() for row in rows})

    def by_family(self, families: Sequence[str] = ()) -> Iterator[Figures]:
        """For each watcher a line for all, and one a family; only those asked for, if any are."""
        chosen = [family for family in self.families() if not families or family in families]
        for watcher in self.labels:
            if not families:
                yield self.line(watcher, ALL, lambda _: True, lambda _: True)
            for family in chosen:
                yield self.line(watcher, family, _is_of(family), _is_of(family))

    def by_incident(self, watcher: str, families: Sequence[str] = ()) -> Iterator[Figures]:
        """A line an incident; its alerts are not counted, since an alert names no incident."""
        for incident in self.incidents():
            rows = [row for row in self.labels[watcher] if row.incident == incident]
            if not families or any(row.family in families for row in rows):
                yield self.line(watcher, incident, _is_incident(incident), lambda _: False)

    def line(
        self, watcher: str, of: str, label_is: Callable[[LabelRow], bool], alert_is: Callable[[AlertRow], bool]
    ) -> Figures:
        """Sum up the rows for which the two say yes."""
        labels = [row for row in self.labels[watcher] if label_is(row)]
        alerts = [row for row in self.alerts[watcher] if alert_is(row)]
        caught = [row for row in labels if row.caught]
        false = [row for row in alerts if not row.true]
        counted = [row for row in caught if row.delay_orders is not None]
        sampled = self._bootstrap
        return Figures(
            source=self.source,
            level=self.level,
            watcher=watcher,
            of=of,
            labels=len(labels),
            caught=len(caught),
            recall=sampled.share(_blocks(labels), [row.caught for row in labels]),
            true_alerts=len(alerts) - len(false),
            false_alerts=len(false),
            precision=sampled.share(_blocks(alerts), [row.true for row in alerts]),
            days=self.days,
            alerts_a_day=sampled.rate(_blocks(alerts), self.days),
            false_a_day=sampled.rate(_blocks(false), self.days),
            delay_seconds=sampled.median(_blocks(caught), [row.delay_seconds or 0.0 for row in caught]),
            delay_orders=sampled.median(_blocks(counted), [float(row.delay_orders or 0) for row in counted]),
            loss_minor=sum(row.loss_minor for row in labels),
            loss_prevented=sampled.ratio(
                _blocks(labels), [row.prevented_minor for row in labels], [row.loss_minor for row in labels]
            ),
        )


def _is_of(family: str) -> Callable[[LabelRow | AlertRow], bool]:
    return lambda row: row.family == family


def _is_incident(incident: str) -> Callable[[LabelRow], bool]:
    return lambda row: row.incident == incident


def _blocks(rows: Sequence[R]) -> list[tuple[str, int]]:
    return [row.block for row in rows]
