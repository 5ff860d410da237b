"""What share of the goods' selling value is left after discounts and cost."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic.dataclasses import dataclass

from features.batch import Batch, Column, Level
from features.feature import STRICT, Feature
from features.money import NOT_GIVEN


@dataclass(config=STRICT)
class Margin(Feature):
    """(goods - discounts - cost) / (goods - discounts): below 0 the shop pays for selling."""

    level: ClassVar[Level] = "created"
    unit: ClassVar[str] = "share of sales"

    def transform(self, batch: Batch) -> Column:
        """Margin of each order placed; NaN where a cost is not given or nothing is left to divide."""
        created = batch.created
        sales = created.goods_minor - created.discount_minor
        known = (created.cost_minor != NOT_GIVEN) & (sales > 0)
        margin = np.full(len(sales), np.nan)
        np.divide(sales - created.cost_minor, sales, out=margin, where=known)
        return Column.of(margin)
