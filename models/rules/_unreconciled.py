"""Systems that still contradict each other about an order when the grace time is over."""

from __future__ import annotations

from dataclasses import field
from typing import ClassVar

import numpy as np
from pydantic.dataclasses import dataclass

from features.batch import F64, I64, Batch, Overdue
from features.feature import STRICT
from features.reconciliation import ISSUES
from models.finding import NOTHING, Findings
from models.rule import Rule
from models.rules._money_events import as_minor
from models.rules._place import names_of


@dataclass(config=STRICT)
class Unreconciled(Rule):
    """Orders whose `issue` is still open at its deadline; found once, in event time, like an overdue stage."""

    issue: ClassVar[str]
    entity_type = "channel"

    ignored: list[str] = field(default_factory=list)
    """Channels whose orders are not looked at."""

    def check(self, batch: Batch) -> Findings:
        """Orders whose grace time ended in this batch."""
        overdue = batch.overdue
        if not len(overdue.at):
            return NOTHING
        rows = (overdue.stage == ISSUES[self.issue]).nonzero()[0]
        if not len(rows):
            return NOTHING
        names = names_of(self._spaces, "channel", overdue.place[rows])
        if self.ignored:
            kept = [i for i, name in enumerate(names) if name not in self.ignored]
            rows, names = rows[kept], [names[i] for i in kept]
        return self._found(overdue, rows, names) if len(rows) else NOTHING

    def _found(self, overdue: Overdue, rows: I64, names: list[str]) -> Findings:
        money = overdue.money_e4[rows]
        observed, low, high = self.seen(money)
        return Findings(
            at=overdue.at[rows],
            order_id=[overdue.order_id[row] for row in rows.tolist()],
            time_ms=overdue.deadline_ms[rows],
            entity=names,
            observed=observed,
            low=np.broadcast_to(low, len(rows)),
            high=np.broadcast_to(high, len(rows)),
            loss_minor=as_minor(self.loss_e4(money)),
            place=overdue.place[rows],
        )

    def seen(self, money_e4: I64) -> tuple[F64, F64, F64]:
        """Observed value, and the range it should lie in; `money_e4` holds total, paid and refunded by row."""
        raise NotImplementedError

    def loss_e4(self, money_e4: I64) -> I64:
        """Money at stake, in ten thousandths of a unit."""
        raise NotImplementedError
