"""What share of the goods' value the discounts took off."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic.dataclasses import dataclass

from features.batch import Batch, Column, Level
from features.feature import STRICT, Feature


@dataclass(config=STRICT)
class DiscountDepth(Feature):
    """Sum of discounts / sum of price x quantity: 0 none, 1 everything, above 1 more than everything."""

    level: ClassVar[Level] = "created"
    unit: ClassVar[str] = "share of goods"

    def transform(self, batch: Batch) -> Column:
        """Depth of each order placed; NaN where the goods are worth nothing."""
        goods = batch.created.goods_minor.astype(np.float64)
        depth = np.full(len(goods), np.nan)
        np.divide(batch.created.discount_minor, goods, out=depth, where=goods > 0)
        return Column.of(depth)
