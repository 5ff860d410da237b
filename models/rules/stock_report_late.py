"""Stock levels arrive when they are no longer true."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Gt
from pydantic.dataclasses import dataclass

from features.feature import STRICT
from models.examples import created, stock
from models.finding import NOTHING, Findings, found
from models.rule import Rule

if TYPE_CHECKING:
    from features.batch import Batch

_FEED = "inventory"


@dataclass(config=STRICT)
class StockReportLate(Rule):
    """A stock level older than what its partition has already seen happen.

    clock - occurred_at > max_late_seconds, in event time: orders move the clock, so a slow feed shows and a slow
    reader does not. Grouped into one alert on the feed. Observed is how late, in seconds.

    Parameters
    ----------
    max_late_seconds
        Longest delay that is no fault.
    """

    kind = "inventory.feed_late"
    entity_type = "feed"

    FIRES = (
        [created(at=901), stock(at=0)],
        [stock(at=0), created(at=2_000), stock("S2", at=1_000)],
    )
    QUIET = (
        [created(at=900), stock(at=0)],
        [stock(at=0), created(at=2_000)],
        [stock(at=0), stock(at=5_000)],
    )

    max_late_seconds: Annotated[float, Gt(0)] = 900.0

    def check(self, batch: Batch) -> Findings:
        """Stock levels that come too late."""
        at = batch.stock.at
        if not len(at):
            return NOTHING
        seconds = (batch.clock_ms[at] - batch.time_ms[at]) / 1000.0
        rows = (seconds > self.max_late_seconds).nonzero()[0]
        if not len(rows):
            return NOTHING
        high = np.full(len(rows), self.max_late_seconds)
        return found(batch, at[rows], [_FEED] * len(rows), observed=seconds[rows], high=high)
