"""Two promotions on one order that were never seen together, though both are used often."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Gt
from pydantic.dataclasses import dataclass

from features.batch import F64, I64, Batch, Column, Flag
from features.feature import STRICT
from models.outlier import Outlier


@dataclass(config=STRICT)
class NewPromotionPair(Outlier):
    """Pair of promotions seen together for the first time, although both are used often.

    Parameters
    ----------
    min_expected
        Orders on which the pair would have stood by now, were it free to: at 5, chance keeps one pair in 150 apart.
    """

    kind: ClassVar[str] = "promotion.new_pair"
    entity_type: ClassVar[str] = "promotion_pair"
    feature: ClassVar[str] = "pair_novelty"
    side: ClassVar[Literal["high", "low", "both"]] = "high"

    min_expected: Annotated[float, Gt(0)] = 5.0

    def is_large(self, raw: F64, batch: Batch, column: Column) -> Flag:  # noqa: ARG002  # a count needs no second measure
        """Orders with a pair that should have been seen long ago."""
        return raw >= self.min_expected

    def observed(self, batch: Batch) -> F64:
        """1: the first order with the pair."""
        return np.ones(len(batch.created))

    def event(self, batch: Batch, rows: I64) -> I64:
        """The order itself."""
        return batch.created.at[rows]

    def entity(self, batch: Batch, row: int) -> str:
        """All promotions on the order, e.g. P1+P2."""
        given = (batch.discounts.order == row).nonzero()[0].tolist()
        return "+".join(sorted({batch.discounts.promotion[i] for i in given}))
