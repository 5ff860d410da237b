"""A price with its point in the wrong place: a digit too many or too few."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

import numpy as np
from annotated_types import Gt, Lt
from pydantic.dataclasses import dataclass

from features.batch import I64, Batch, Column
from features.columns.price_list import PriceLists
from features.feature import STRICT
from models.examples import created, line
from models.finding import NOTHING, Findings
from models.rule import Example, Rule
from models.rules._hits import Hits

_RANGE_SPREADS: Final = 8.0
"""The range of `price_deviation` is as many spreads wide."""


def _order(n: int, price: str, total: str, product: int = 0) -> dict[str, object]:
    lines = [line(sku=f"S{product}", product_id=f"P{product}", price=price, unit_cost=None)]
    return created(f"o{n}", at=60 * n, line_items=lines, total_price=total)


_USUAL: Final = [_order(n, "100.00", "110.00", n % 6) for n in range(60)]


@dataclass(config=STRICT)
class PriceDecimalShift(Rule):
    """Unit price is the product's usual one times 10, 100, ... or a tenth, a hundredth, ... of it.

    |log10(price / usual) - k| <= tolerance for a whole k that is not 0, where one digit is `min_spreads` or more: of a
    product that is not known, or whose prices vary, nothing is said. The usual price is the middle of the range of
    `price_deviation`. It is a rule and not a rank among other prices, so that a day of odd prices makes no wrong digit
    ordinary. Prices of a second list that `price_list` knows are left to that one's alert. Observed is the unit price,
    in minor units; the loss is what the line brings in less than usual.

    Parameters
    ----------
    tolerance
        How far from a power of ten, as a decimal logarithm, less than 0.5: 0.15 is 41 %.
    min_spreads
        Spreads that a factor of ten must be; 10 asks for a price that is known to 23 %.
    """

    kind = "price.decimal_shift"
    entity_type = "product"
    in_minor_units = True
    reads: ClassVar[tuple[str, ...]] = ("price_deviation",)

    FIRES: ClassVar[tuple[Example, ...]] = (
        [*_USUAL, _order(100, "1000.00", "1010.00")],
        [*_USUAL, _order(100, "9.90", "19.90")],
        [*_USUAL, _order(100, "1.00", "11.00")],
        [*_USUAL, _order(100, "120000.00", "120010.00")],
    )
    QUIET: ClassVar[tuple[Example, ...]] = (
        _USUAL,
        [*_USUAL, _order(100, "300.00", "310.00")],
        [*_USUAL, _order(100, "30.00", "40.00")],
        [*_USUAL, _order(100, "130.00", "140.00")],
        [_order(n, "100.00" if n % 2 else "10.00", "110.00" if n % 2 else "20.00") for n in range(60)],
    )

    tolerance: Annotated[float, Gt(0), Lt(0.5)] = 0.15
    min_spreads: Annotated[float, Gt(0)] = 10.0

    def check(self, batch: Batch) -> Findings:
        """Orders with such a price."""
        column = batch.columns.get("price_deviation")
        if column is None or not len(rows := (np.abs(column.values) >= self._least_off()).nonzero()[0]):
            return NOTHING
        hits, lines = Hits(), batch.lines
        for row in self._shifted(batch, column, rows).tolist():
            low, high, price = float(column.low[row]), float(column.high[row]), int(lines.price_minor[row])
            loss_minor = max(0, round((low * high) ** 0.5) - price) * int(lines.quantity[row])
            at = int(batch.created.at[lines.order[row]])
            hits.add(at, lines.product[row], price, low=low, high=high, loss_minor=loss_minor)
        return hits.findings(batch)

    def _least_off(self) -> float:
        """Deviation below which no price is off by a digit."""
        return self.min_spreads * (1.0 - self.tolerance)

    def _shifted(self, batch: Batch, column: Column, rows: I64) -> I64:
        """Those of the rows that are; a price of 0 or less has no deviation, and is none of them."""
        low, high = np.log10(column.low[rows]), np.log10(column.high[rows])
        decades = np.log10(batch.lines.price_minor[rows]) - (low + high) / 2.0
        whole, spread = np.rint(decades), (high - low) / _RANGE_SPREADS
        off = (whole != 0.0) & (np.abs(decades - whole) <= self.tolerance) & (spread * self.min_spreads <= 1.0)
        lists = batch.columns.get("price_list")
        shifted: I64 = rows[off & ~lists.explained[rows]] if isinstance(lists, PriceLists) else rows[off]
        return shifted
