"""A discount deeper than its promotion usually gives."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import numpy as np
from pydantic.dataclasses import dataclass

from features.batch import F64, I64, Batch
from features.feature import STRICT
from models.outlier import Outlier


@dataclass(config=STRICT)
class DiscountOutlier(Outlier):
    """Discount far deeper than its promotion usually gives."""

    kind: ClassVar[str] = "promotion.depth_outlier"
    entity_type: ClassVar[str] = "promotion"
    feature: ClassVar[str] = "promotion_depth"
    side: ClassVar[Literal["high", "low", "both"]] = "high"

    def observed(self, batch: Batch) -> F64:
        """Discount as a share of the order's goods."""
        goods = batch.created.goods_minor[batch.discounts.order].astype(np.float64)
        return np.divide(batch.discounts.amount_minor, goods, out=np.zeros(len(goods)), where=goods > 0)

    def event(self, batch: Batch, rows: I64) -> I64:
        """The order that the discount belongs to."""
        return batch.created.at[batch.discounts.order[rows]]

    def entity(self, batch: Batch, row: int) -> str:
        """The promotion."""
        return batch.discounts.promotion[row]

    def loss_minor(self, batch: Batch, row: int, low: float, high: float) -> int:
        """What was taken off beyond the usual share."""
        goods = int(batch.created.goods_minor[batch.discounts.order[row]])
        return max(0, int(batch.discounts.amount_minor[row]) - round(math.sqrt(low * high) * goods))
