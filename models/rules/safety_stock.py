"""A product is nearly gone."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Ge
from pydantic.dataclasses import dataclass

from features.feature import STRICT
from models.examples import stock
from models.finding import NOTHING, Findings, found
from models.rule import Rule

if TYPE_CHECKING:
    from features.batch import Batch


@dataclass(config=STRICT)
class SafetyStock(Rule):
    """A stock level, not below zero, that is less than the pieces that should always be there.

    0 <= available < pieces. Observed is the level. Off by default: selling out is an everyday thing in many
    shops, and only the buyer knows which products must not.

    Parameters
    ----------
    pieces
        Safety stock of every sku that has none of its own; 1 tells of what is sold out, 0 of nothing.
    skus
        The same by sku.
    """

    kind = "inventory.safety_stock"
    entity_type = "sku"

    FIRES = (
        [stock(available=0)],
        [stock(available=5), stock("S2", available=0, at=1)],
    )
    QUIET = (
        [stock()],
        [stock(available=1)],
        [stock(available=-1)],
    )

    pieces: Annotated[int, Ge(0)] = 1
    skus: dict[str, Annotated[int, Ge(0)]] = field(default_factory=dict)

    def check(self, batch: Batch) -> Findings:
        """Levels that call for supply."""
        stock_ = batch.stock
        if not len(stock_.at):
            return NOTHING
        most = max([self.pieces, *self.skus.values()])
        rows = ((stock_.available < most) & (stock_.available >= 0)).nonzero()[0]
        if not len(rows):
            return NOTHING
        skus = [stock_.sku[row] for row in rows.tolist()]
        least = np.array([self.skus.get(sku, self.pieces) for sku in skus], np.int64)
        kept = (stock_.available[rows] < least).nonzero()[0]
        if not len(kept):
            return NOTHING
        at, low = stock_.at[rows[kept]], least[kept].astype(np.float64)
        return found(batch, at, [skus[i] for i in kept.tolist()], observed=stock_.available[rows[kept]], low=low)
