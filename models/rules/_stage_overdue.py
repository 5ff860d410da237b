"""An event that should have come by now and did not: the missing event is the signal."""

from __future__ import annotations

from dataclasses import field
from typing import ClassVar, Final, Literal

from pydantic.dataclasses import dataclass

from features.batch import STAGES, Batch
from features.feature import STRICT
from models.finding import NOTHING, Findings, found_overdue
from models.rule import Rule
from models.rules._place import names_of

_MS_PER_HOUR: Final = 3_600_000


@dataclass(config=STRICT)
class StageOverdue(Rule):
    """Orders still waiting for `stage` after its deadline (`stages` in the settings, or the promised time).

    Found once an order and stage, at the event whose time passed the deadline, or without one where a silent
    partition is told the time; observed is hours late then, of at most 0. Event time decides, so a replay
    finds the same.
    """

    stage: ClassVar[Literal["paid", "approved", "shipped", "delivered"]]

    ignored: list[str] = field(default_factory=list)
    """Names of the entity type whose orders are not waited for."""

    def check(self, batch: Batch) -> Findings:
        """Orders whose deadline passed in this batch."""
        overdue = batch.overdue
        if not len(overdue.at):
            return NOTHING
        rows = (overdue.stage == STAGES.index(self.stage)).nonzero()[0]
        names = names_of(self._spaces, self.entity_type, overdue.place[rows])
        if self.ignored:
            kept = [i for i, name in enumerate(names) if name not in self.ignored]
            rows, names = rows[kept], [names[i] for i in kept]
        if not len(rows):
            return NOTHING
        deadline_ms = overdue.deadline_ms[rows]
        now_ms = batch.clock_ms[overdue.at[rows]] if len(batch) else batch.passed_ms
        return found_overdue(overdue, rows, names, hours_late=(now_ms - deadline_ms) / _MS_PER_HOUR)
