"""A product that earns less and less: a cost that rose, a price that was not raised, a discount too many."""

from __future__ import annotations

from typing import ClassVar

from pydantic.dataclasses import dataclass

from features.batch import F64, I64, Batch
from features.columns.product_margin_slide import line_margin
from features.feature import STRICT
from models.outliers._margin import MarginSlide


@dataclass(config=STRICT)
class ProductMargin(MarginSlide):
    """Margin of a product that has fallen well below its usual one.

    Parameters
    ----------
    min_evidence
        Summed shortfall from which it counts: 0.4 is two lines at 40 points less, or eight at 25.
    """

    kind: ClassVar[str] = "price.margin_falling"
    entity_type: ClassVar[str] = "product"
    feature: ClassVar[str] = "product_margin_slide"

    def observed(self, batch: Batch) -> F64:
        """Margin of the line, as a share of its sales."""
        return line_margin(batch)

    def event(self, batch: Batch, rows: I64) -> I64:
        """The order that the line belongs to."""
        return batch.created.at[batch.lines.order[rows]]

    def entity(self, batch: Batch, row: int) -> str:
        """The product."""
        return batch.lines.product[row]

    def sales_minor(self, batch: Batch, row: int) -> int:
        """The line after its part of the order's discounts."""
        order = batch.lines.order[row]
        goods, discount = int(batch.created.goods_minor[order]), int(batch.created.discount_minor[order])
        line = int(batch.lines.price_minor[row]) * int(batch.lines.quantity[row])
        return line * (goods - discount) // goods if goods > 0 else line
