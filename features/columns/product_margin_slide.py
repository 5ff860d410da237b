"""How much margin a product has lost lately, below what it usually leaves."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Gt
from pydantic.dataclasses import dataclass

from features.amounts import line_margins
from features.batch import F64, Batch, Column, Level
from features.columns._one_array import OneArray
from features.feature import STRICT
from features.keys import grown
from features.slide import FIELDS, follow


@dataclass(config=STRICT)
class ProductMarginSlide(OneArray):
    """Summed shortfall of a product's margin (`features.slide`): no line proves it, the last ones together do.

    Margin of a line is 1 - cost / what it brings in after its part of the order's discounts. The range is the
    usual margin, as both ends.

    Parameters
    ----------
    most
        Loss of margin that one value counts for, as a share of sales.
    drift
        Loss of margin tolerated for ever, as a share of sales: a price a quarter off on some days is no slide.
    evidence
        Sum from which the usual margin is no longer learned.
    ready
        Lines of the product before anything is said.
    """

    level: ClassVar[Level] = "line"
    unit: ClassVar[str] = "shares of sales, summed"
    spaces: ClassVar[tuple[str, ...]] = ("product",)

    most: Annotated[float, Gt(0)] = 0.4
    drift: Annotated[float, Gt(0)] = 0.2
    evidence: Annotated[float, Gt(0)] = 0.4
    ready: Annotated[int, Ge(2)] = 5

    def __post_init__(self) -> None:
        """Start with no product."""
        self._state = np.zeros((64, FIELDS))

    def transform(self, batch: Batch) -> Column:
        """Shortfall after each line; NaN where a cost is not given or nothing is left to divide."""
        product = batch.key(self._spaces["product"])
        self._state = grown(self._state, product.size)
        slid, usual = follow(
            product.rows,
            product.fresh,
            line_margin(batch),
            self.most,
            self.drift,
            self.evidence,
            float(self.ready),
            self._state,
        )
        return Column(slid, usual, usual)


def line_margin(batch: Batch) -> F64:
    """Margin of each line, as a share of its sales."""
    lines, created = batch.lines, batch.created
    return line_margins(
        lines.order, lines.price_minor, lines.unit_cost_minor, created.goods_minor, created.discount_minor
    )
