"""More or fewer pieces left the warehouse than were ordered."""

from __future__ import annotations

from pydantic.dataclasses import dataclass

from features.batch import Batch
from features.feature import STRICT
from models.examples import approved, created, delivered, line, paid, refunded, shipped
from models.finding import NOTHING, Findings, found
from models.rule import Rule
from models.rules._place import names_of

_TWO = [line(quantity=2)]
_ORDER = created(line_items=_TWO, total_price="210.00")


@dataclass(config=STRICT)
class ShippedQuantity(Rule):
    """The parcels of an order hold more pieces than were ordered, or fewer by the time it is delivered.

    Only where hand-overs say what they hold (`line_items` of `order.shipped`); parcels may each hold a part. Fewer are
    no finding where money was returned before, or where a parcel did not say what it holds. Observed are the pieces
    handed over, expected those ordered.
    """

    kind = "logistics.shipped_quantity"
    entity_type = "channel"
    reads = ("pieces_shipped",)

    FIRES = (
        [_ORDER, paid(amount="210.00"), shipped(line_items=[line(quantity=3)])],
        [_ORDER, shipped(line_items=_TWO), shipped(at=4000, line_items=[line()])],
        [_ORDER, shipped(line_items=[line()]), delivered()],
    )
    QUIET = (
        [_ORDER, paid(amount="210.00"), approved(), shipped(line_items=_TWO), delivered()],
        [_ORDER, shipped(line_items=[line()]), shipped(at=4000, line_items=[line()]), delivered()],
        [_ORDER, shipped(), delivered()],
        [_ORDER, shipped(line_items=[line()]), shipped(at=4000), delivered()],
        [_ORDER, shipped(line_items=[line()]), refunded(at=5000, amount="100.00"), delivered()],
        [shipped(line_items=_TWO), delivered()],
    )

    def check(self, batch: Batch) -> Findings:
        """Hand-overs of too many pieces, deliveries of too few."""
        pieces = batch.columns["pieces_shipped"]
        if pieces.is_silent:
            return NOTHING
        at = ((pieces.values > pieces.high) | (pieces.values < pieces.low)).nonzero()[0]
        if not len(at):
            return NOTHING
        channels = names_of(self._spaces, "channel", batch.life.place[at])
        return found(batch, at, channels, observed=pieces.values[at], low=pieces.low[at], high=pieces.high[at])
