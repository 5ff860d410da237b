"""A source whose clock is fast: what it tells has not happened yet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Ge
from pydantic.dataclasses import dataclass

from features.feature import STRICT
from models.examples import created, paid
from models.finding import NOTHING, Findings, found
from models.rule import Rule
from models.rules._source import sources_of

if TYPE_CHECKING:
    from features.batch import Batch


@dataclass(config=STRICT)
class ClockAhead(Rule):
    """An event that happened after it came into the log: the clock of its source is fast.

    occurred_at - arrival > tolerance_seconds, where the arrival is the log's own time. An event that is farther ahead
    than `decode.max_ahead_seconds` is no event at all. A fast clock hides how late its events are, and closes windows
    before the other sources have told theirs. Observed is how far ahead, in seconds.

    Parameters
    ----------
    tolerance_seconds
        By how much clocks may differ.
    """

    kind = "latency.clock_ahead"
    entity_type = "source"

    FIRES = (
        [created() | {"arrived_seconds": -31.0}],
        [created() | {"arrived_seconds": 1.0}, paid() | {"arrived_seconds": -120.0}],
    )
    QUIET = ([created() | {"arrived_seconds": -30.0}], [created(), paid() | {"arrived_seconds": 500.0}], [created()])

    tolerance_seconds: Annotated[float, Ge(0)] = 30.0

    def check(self, batch: Batch) -> Findings:
        """Events from the future."""
        if not len(batch.arrived_ms):
            return NOTHING
        ahead_ms = batch.time_ms - batch.arrived_ms
        at = ((ahead_ms > self.tolerance_seconds * 1000.0) & (batch.arrived_ms > 0)).nonzero()[0]
        if not len(at):
            return NOTHING
        high = np.full(len(at), self.tolerance_seconds)
        return found(batch, at, sources_of(batch, at), observed=ahead_ms[at] / 1000.0, high=high)
