"""A second price list in the stream: many products of a channel off by the same factor, at once."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

import numpy as np
from annotated_types import Ge
from pydantic.dataclasses import dataclass

from features.batch import Batch
from features.feature import STRICT
from models.examples import created, line
from models.finding import NOTHING, Findings
from models.rule import Example, Rule
from models.rules._hits import Hits


def _order(n: int, product: int, price: str, total: str) -> dict[str, object]:
    lines = [line(sku=f"S{product}", product_id=f"P{product}", price=price)]
    return created(f"o{n}", at=60 * n, line_items=lines, total_price=total)


_USUAL: Final = [_order(n, n % 6, "100.00", "110.00") for n in range(60)]
_HALF: Final = [_order(100 + n, n, "50.00", "60.00") for n in range(5)]


@dataclass(config=STRICT)
class SecondPriceList(Rule):
    """Prices of several products of a channel are off by one and the same factor.

    The feature `price_list` counts the products that agree. Weighs more than what else is wrong with these prices:
    a product below cost is a consequence here. Observed is the unit price, in minor units; the loss is what the
    line brings in less than usual.

    Parameters
    ----------
    min_products
        Products that must agree; where the feature asks for more, these are alerts of their own until then.
    """

    kind = "price.second_list"
    entity_type = "channel"
    in_minor_units = True
    reads: ClassVar[tuple[str, ...]] = ("price_deviation", "price_list")

    FIRES: ClassVar[tuple[Example, ...]] = ([*_USUAL, *_HALF],)
    QUIET: ClassVar[tuple[Example, ...]] = (
        [*_USUAL, *_HALF[:4]],
        [*_USUAL, *(_order(100 + n, 0, "50.00", "60.00") for n in range(6))],
        [
            *_USUAL,
            *(_order(100 + n, n, f"{price}.00", f"{price + 10}.00") for n, price in enumerate((10, 20, 40, 250, 500))),
        ],
    )

    min_products: Annotated[int, Ge(2)] = 5

    def check(self, batch: Batch) -> Findings:
        """Orders whose prices enough products agree on."""
        column = batch.columns.get("price_list")
        if column is None or not np.count_nonzero(column.values >= self.min_products):
            return NOTHING
        hits, lines = Hits(), batch.lines
        for row in (column.values >= self.min_products).nonzero()[0].tolist():
            order, price = int(lines.order[row]), int(lines.price_minor[row])
            low, high = float(column.low[row]), float(column.high[row])
            loss_minor = max(0, round((low * high) ** 0.5) - price) * int(lines.quantity[row])
            at, channel = int(batch.created.at[order]), batch.created.channel[order]
            hits.add(at, channel, price, low=low, high=high, loss_minor=loss_minor)
        return hits.findings(batch)
