"""A price that this product does not have: a lost digit, a shifted decimal, a wrong currency."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np
from pydantic.dataclasses import dataclass

from features.batch import F64, I64, Batch, Column
from features.columns.price_list import PriceLists
from features.feature import STRICT
from models.outlier import Outlier


@dataclass(config=STRICT)
class PriceOutlier(Outlier):
    """Unit price far from what the product usually costs.

    Where the feature `price_list` is on, prices of a second list that it knows are told apart: they are that list's
    one alert, not one a product.
    """

    kind: ClassVar[str] = "price.outlier"
    entity_type: ClassVar[str] = "product"
    feature: ClassVar[str] = "price_deviation"
    in_minor_units: ClassVar[bool] = True

    def raw(self, batch: Batch, column: Column) -> F64:
        """Deviations; none where a second price list explains the price, so that its prices never become usual."""
        raw, lists = super().raw(batch, column), batch.columns.get("price_list")
        if isinstance(lists, PriceLists) and np.count_nonzero(lists.explained):
            raw[lists.explained] = np.nan
        return raw

    def observed(self, batch: Batch) -> F64:
        """Unit price in minor units."""
        return batch.lines.price_minor.astype(np.float64)

    def event(self, batch: Batch, rows: I64) -> I64:
        """The order that the line belongs to."""
        return batch.created.at[batch.lines.order[rows]]

    def entity(self, batch: Batch, row: int) -> str:
        """The product."""
        return batch.lines.product[row]

    def loss_minor(self, batch: Batch, row: int, low: float, high: float) -> int:
        """What the line brings in less than at the expected price."""
        usual = math.sqrt(low * high)
        price = int(batch.lines.price_minor[row])
        return max(0, round(usual - price)) * int(batch.lines.quantity[row])
