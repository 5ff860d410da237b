"""What share of the goods' selling value is left after discounts and cost."""

from __future__ import annotations

from typing import ClassVar

from pydantic.dataclasses import dataclass

from features.amounts import order_margins
from features.batch import Batch, Column, Level
from features.feature import STRICT, Feature


@dataclass(config=STRICT)
class Margin(Feature):
    """(goods - discounts - cost) / (goods - discounts): below 0 the shop pays for selling."""

    level: ClassVar[Level] = "created"
    unit: ClassVar[str] = "share of sales"

    def transform(self, batch: Batch) -> Column:
        """Margin of each order placed; NaN where a cost is not given or nothing is left to divide."""
        created = batch.created
        return Column.of(order_margins(created.goods_minor, created.discount_minor, created.cost_minor))
