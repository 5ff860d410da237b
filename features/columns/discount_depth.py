"""What share of the goods' value the discounts took off."""

from __future__ import annotations

from typing import ClassVar

from pydantic.dataclasses import dataclass

from features.amounts import shares
from features.batch import Batch, Column, Level
from features.feature import STRICT, Feature


@dataclass(config=STRICT)
class DiscountDepth(Feature):
    """Sum of discounts / sum of price x quantity: 0 none, 1 everything, above 1 more than everything."""

    level: ClassVar[Level] = "created"
    unit: ClassVar[str] = "share of goods"

    def transform(self, batch: Batch) -> Column:
        """Depth of each order placed; NaN where the goods are worth nothing."""
        return Column.of(shares(batch.created.discount_minor, batch.created.goods_minor))
