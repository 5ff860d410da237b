"""An order does what its state does not allow."""

from __future__ import annotations

from dataclasses import field
from typing import Final

import numpy as np
from pydantic.dataclasses import dataclass

from features.batch import ORDER_TIMES, Batch
from features.event import APPROVED, CANCELLED, DELIVERED, PAID, SHIPPED
from features.feature import STRICT
from models.examples import approved, cancelled, created, delivered, paid, refunded, shipped
from models.finding import Findings
from models.rule import Example, Rule
from models.rules._hits import Hits

_BARRED: Final = {
    CANCELLED: (PAID, APPROVED, SHIPPED, DELIVERED),
    DELIVERED: (CANCELLED,),
}
"""State -> the steps that lead nowhere from there."""


_WITHDRAWN: Final[Example] = [created(), paid(), cancelled(at=3_600)]


@dataclass(config=STRICT)
class IllegalTransition(Rule):
    """A step after the end: a cancelled order is paid, shipped or delivered, a delivered one cancelled.

    Judged by event time, so two systems that report in another order than they acted are no fault: the step must
    have happened after the order had ended. A step that is repeated is none (an order may go in two parcels), nor
    is money that returns, nor a step that is told late. Grouped by the transition, "cancelled to shipped".
    Observed is 1 of at most 0.

    Parameters
    ----------
    allowed
        Transitions that this shop means, such as "delivered to cancelled" where that is how goods are returned.
    """

    kind = "process.illegal_transition"
    entity_type = "transition"

    FIRES = (
        [*_WITHDRAWN, shipped(at=7_200)],
        [created(), cancelled(at=3_600), paid(at=7_200)],
        [created(), shipped(at=60), delivered(at=3_000), cancelled(at=3_600)],
    )
    QUIET = (
        _WITHDRAWN,
        [*_WITHDRAWN, refunded(at=7_200)],
        [*_WITHDRAWN, approved(at=120)],
        [created(), paid(), approved(), shipped(), delivered()],
        [created(), delivered(at=3_000), shipped(at=3_600)],
    )

    allowed: list[str] = field(default_factory=list)

    def check(self, batch: Batch) -> Findings:
        """Steps of orders that had ended."""
        hits = Hits()
        for state, steps in _BARRED.items():
            ended_ms = batch.life.at_ms[:, state]
            if not np.count_nonzero(ended_ms):
                continue
            after = ((ended_ms > 0) & (batch.time_ms > ended_ms)).nonzero()[0]
            for at in after.tolist():
                step = int(batch.kind[at])
                if step in steps and not batch.life.at_ms[at, step]:
                    self._add(at, state, step, hits)
        return hits.findings(batch)

    def _add(self, at: int, state: int, step: int, hits: Hits) -> None:
        transition = f"{ORDER_TIMES[state]} to {ORDER_TIMES[step]}"
        if transition not in self.allowed:
            hits.add(at, transition, 1, high=0)
