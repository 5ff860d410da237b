"""Two systems that do not agree what time it is."""

from __future__ import annotations

from typing import Annotated

from annotated_types import Ge
from pydantic.dataclasses import dataclass

from features.batch import ORDER_TIMES, Batch
from features.feature import STRICT
from models.examples import approved, created, paid, shipped
from models.finding import NOTHING, Findings, found
from models.rule import Rule


@dataclass(config=STRICT)
class ClockSkew(Rule):
    """A stage happened before the stage that leads to it: paid before ordered, delivered before handed over.

    The time of the event minus that of the order's latest earlier stage is below -tolerance_seconds. Grouped by
    the stage, since each is reported by a system of its own, and that system's clock, or the one before it, is
    wrong. Observed is the time taken, in seconds.

    Parameters
    ----------
    tolerance_seconds
        By how much clocks may differ. An hour's difference is most often a time zone or daylight saving.
    """

    kind = "latency.clock_skew"
    entity_type = "stage"

    FIRES = (
        [created(), paid(at=-121)],
        [created(), paid(at=600), approved(at=400)],
    )
    QUIET = (
        [created(), paid(at=-120)],
        [created(), paid(), approved(), shipped()],
        [shipped()],
    )

    tolerance_seconds: Annotated[float, Ge(0)] = 120.0

    def check(self, batch: Batch) -> Findings:
        """Stages that came too early."""
        seconds = batch.life.latency_seconds
        at = (seconds < -self.tolerance_seconds).nonzero()[0]
        if not len(at):
            return NOTHING
        stages = [ORDER_TIMES[stage] for stage in batch.kind[at].tolist()]
        return found(batch, at, stages, observed=seconds[at], low=-self.tolerance_seconds)
