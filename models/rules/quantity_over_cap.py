"""More pieces than anybody buys."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, Annotated

from annotated_types import Ge
from pydantic.dataclasses import dataclass

from features.feature import STRICT
from models.examples import created, line
from models.finding import NOTHING, Findings
from models.rule import Rule
from models.rules._hits import Hits

if TYPE_CHECKING:
    from features.batch import Batch

Pieces = Annotated[int, Ge(1)]


@dataclass(config=STRICT)
class QuantityOverCap(Rule):
    """A line of more pieces than a customer of this channel may order.

    quantity > max_quantity. Observed is the quantity, in pieces.

    Parameters
    ----------
    max_quantity
        Most pieces a line.
    channels
        The same by channel, where it differs: a wholesale channel takes more, a flash sale less.
    """

    kind = "behaviour.quantity_over_cap"
    entity_type = "product"

    FIRES = (
        [created(line_items=[line(quantity=101)])],
        [created(line_items=[line(), line(sku="S2", quantity=1_000_000)])],
    )
    QUIET = (
        [created()],
        [created(line_items=[line(quantity=100)])],
        [created(line_items=[line(quantity=60), line(sku="S2", quantity=60)])],
    )

    max_quantity: Pieces = 100
    channels: dict[str, Pieces] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Know the lowest limit: below it nobody needs to be looked at."""
        self._lowest = min([self.max_quantity, *self.channels.values()])

    def check(self, batch: Batch) -> Findings:
        """Lines of too many pieces."""
        lines, created_ = batch.lines, batch.created
        suspects = (lines.quantity > self._lowest).nonzero()[0]
        if not len(suspects):
            return NOTHING
        hits = Hits()
        for row in suspects.tolist():
            order, quantity = int(lines.order[row]), int(lines.quantity[row])
            most = self.channels.get(created_.channel[order], self.max_quantity)
            if quantity > most:
                hits.add(int(created_.at[order]), lines.product[row], quantity, low=1, high=most)
        return hits.findings(batch)
