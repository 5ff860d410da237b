"""A price that nobody meant."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

from pydantic.dataclasses import dataclass

from features.feature import STRICT
from models.examples import created, line
from models.finding import NOTHING, Findings
from models.rule import Rule
from models.rules._hits import Hits

if TYPE_CHECKING:
    from features.batch import Batch


@dataclass(config=STRICT)
class PriceBelowFloor(Rule):
    """A unit price, before discounts, under the lowest one that the product may ever have.

    price < floor. Observed is the unit price, in minor units; the loss is (floor - price) x quantity.

    Parameters
    ----------
    floor_minor
        Floor of every sku that has none of its own, in minor units of the order's currency; 1: any price
        above nothing will do.
    floors
        Floors by sku, in minor units; 0 for a gift.
    """

    kind = "price.below_floor"
    entity_type = "product"
    in_minor_units = True

    FIRES = (
        [created(line_items=[line(price="0.00")])],
        [created(line_items=[line(), line(sku="S2", price="-1.00")])],
    )
    QUIET = (
        [created()],
        [created(line_items=[line(price="0.01")])],
        [created(currency="JPY", line_items=[line(price=1, unit_cost=1)], total_shipping=0, total_price=1)],
    )

    floor_minor: int = 1
    floors: dict[str, int] = field(default_factory=dict)

    def check(self, batch: Batch) -> Findings:
        """Lines under their floor."""
        lines = batch.lines
        suspects = set((lines.price_minor < self.floor_minor).nonzero()[0].tolist())
        if self.floors and not self.floors.keys().isdisjoint(lines.sku):
            suspects.update(row for row, sku in enumerate(lines.sku) if sku in self.floors)
        if not suspects:
            return NOTHING
        hits = Hits()
        for row in sorted(suspects):
            floor, price = self.floors.get(lines.sku[row], self.floor_minor), int(lines.price_minor[row])
            if price < floor:
                loss_minor = (floor - price) * int(lines.quantity[row])
                at = int(batch.created.at[lines.order[row]])
                hits.add(at, lines.product[row], price, low=floor, loss_minor=loss_minor)
        return hits.findings(batch)
