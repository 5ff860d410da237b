"""Goods leave for less than they cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge, Lt
from pydantic.dataclasses import dataclass

from features.amounts import lines_below
from features.feature import STRICT
from models.examples import created, line
from models.finding import NOTHING, Findings
from models.rule import Rule
from models.rules._hits import Hits
from models.rules._share import MILLION, per_million

if TYPE_CHECKING:
    from features.batch import I64, Batch


def _off(amount: str) -> list[dict[str, str]]:
    return [{"promotion_id": "P1", "amount": amount}]


@dataclass(config=STRICT)
class PriceBelowCost(Rule):
    """What a line brings, after its part of the order's discounts, is less than its goods cost.

    price x (goods - discounts) / goods < unit_cost x (1 - tolerance_share): discounts are spread over the
    goods in proportion to their value. Lines without `unit_cost` are not judged, nor is less than one minor
    unit a line. Observed is the unit price left, in minor units; the loss is the shortfall of all its pieces.

    Parameters
    ----------
    tolerance_share
        Share of the cost, 0 up to 1, that a price may lie below it: cents are no alert, loss leaders are meant.
    """

    kind = "price.below_cost"
    entity_type = "product"
    in_minor_units = True

    FIRES = (
        [created(line_items=[line(price="58.79")])],
        [created(discounts=_off("41.21"))],
        [
            created(
                line_items=[line(), line(sku="S2", product_id="P2", unit_cost="90.00")],
                discounts=_off("30.00"),
            )
        ],
        [created(line_items=[line(price=0)])],
    )
    QUIET = (
        [created()],
        [created(line_items=[line(price="58.80")])],
        [created(discounts=_off("41.20"))],
        [created(line_items=[line(price="0.01", unit_cost=None)])],
        [created(line_items=[line(price=0, unit_cost=0)])],
        [
            created(
                line_items=[line(price="60.01"), line(sku="S2", price="0.99", unit_cost=0)],
                discounts=_off("0.01"),
            )
        ],
    )

    tolerance_share: Annotated[float, Ge(0), Lt(1)] = 0.02

    def check(self, batch: Batch) -> Findings:
        """Lines sold at a loss."""
        suspects = self._suspects(batch)
        if not len(suspects):
            return NOTHING
        hits = Hits()
        for row in suspects.tolist():
            self._judge(batch, row, hits)
        return hits.findings(batch)

    def _suspects(self, batch: Batch) -> I64:
        # binary fractions only pick whom to look at, with a margin far above their error; integers decide
        created_, lines = batch.created, batch.lines
        return lines_below(
            lines.order, lines.price_minor, lines.unit_cost_minor, created_.goods_minor, created_.discount_minor, 1e-9
        )

    def _judge(self, batch: Batch, row: int, hits: Hits) -> None:
        lines, order = batch.lines, int(batch.lines.order[row])
        price, cost = int(lines.price_minor[row]), int(lines.unit_cost_minor[row])
        goods = int(batch.created.goods_minor[order])
        left = goods - int(batch.created.discount_minor[order])
        if goods <= 0:  # nothing to spread discounts over
            goods = left = 1
        loss_minor = (cost * goods - price * left) * int(lines.quantity[row]) // goods
        lowest = MILLION - per_million(self.tolerance_share)
        if loss_minor > 0 and price * left * MILLION < cost * lowest * goods:
            hits.add(
                int(batch.created.at[order]),
                lines.product[row],
                price * left / goods,
                low=cost * lowest / MILLION,
                loss_minor=loss_minor,
            )
