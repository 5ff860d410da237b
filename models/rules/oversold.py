"""More was sold than there is."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic.dataclasses import dataclass

from features.feature import STRICT
from models.examples import stock
from models.finding import NOTHING, Findings, found
from models.rule import Rule

if TYPE_CHECKING:
    from features.batch import Batch


@dataclass(config=STRICT)
class Oversold(Rule):
    """A stock level below zero after a change.

    available < min_available. Observed is the level, in pieces.

    Parameters
    ----------
    min_available
        Lowest level allowed, in pieces; below 0 where the shop takes orders for goods on their way.
    """

    kind = "inventory.oversold"
    entity_type = "sku"

    FIRES = (
        [stock(available=-1)],
        [stock(available=0), stock(available=-3, at=1)],
        [stock("S2"), stock("S1", available=-1)],
    )
    QUIET = (
        [stock()],
        [stock(available=0)],
    )

    min_available: int = 0

    def check(self, batch: Batch) -> Findings:
        """Stock levels too low."""
        stock_ = batch.stock
        if not len(stock_.at):
            return NOTHING
        low = (stock_.available < self.min_available).nonzero()[0]
        if not len(low):
            return NOTHING
        skus = [stock_.sku[i] for i in low.tolist()]
        return found(batch, stock_.at[low], skus, observed=stock_.available[low], low=self.min_available)
