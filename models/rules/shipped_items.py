"""Other goods left the warehouse than were ordered."""

from __future__ import annotations

from typing import cast

import numpy as np
from pydantic.dataclasses import dataclass

from features.batch import Batch
from features.columns.pieces_shipped import Pieces
from features.feature import STRICT
from models.examples import created, delivered, line, shipped
from models.finding import NOTHING, Findings, found
from models.rule import Rule
from models.rules._place import names_of

_LINES = [line(), line(sku="S2", product_id="P2", quantity=2)]
_SWAPPED = [line(sku="S2", product_id="P2"), line(quantity=2)]
_ORDER = created(line_items=_LINES, total_price="310.00")


@dataclass(config=STRICT)
class ShippedItems(Rule):
    """As many pieces of an order are handed over as were ordered, but not the same ones.

    Only where its hand-overs all say what they hold (`line_items` of `order.shipped`); what lies in which parcel does
    not matter. Observed is 1 of at most 0.
    """

    kind = "logistics.shipped_items"
    entity_type = "channel"
    reads = ("pieces_shipped",)

    FIRES = (
        [_ORDER, shipped(line_items=_SWAPPED)],
        [_ORDER, shipped(line_items=_LINES[1:]), shipped(at=4000, line_items=[line(sku="S3")])],
    )
    QUIET = (
        [_ORDER, shipped(line_items=_LINES[::-1]), delivered()],
        [_ORDER, shipped(line_items=_LINES[1:]), shipped(at=4000, line_items=_LINES[:1]), delivered()],
        [_ORDER, shipped(line_items=[{"sku": "S2", "quantity": 2}, {"sku": "S1", "quantity": 1}])],
        [_ORDER, shipped(), shipped(at=4000, line_items=[line(sku="S3", quantity=3)])],
    )

    def check(self, batch: Batch) -> Findings:
        """Hand-overs that complete an order with other pieces."""
        pieces = batch.columns["pieces_shipped"]
        if pieces.is_silent:
            return NOTHING
        at = (cast("Pieces", pieces).other == 1.0).nonzero()[0]
        if not len(at):
            return NOTHING
        channels = names_of(self._spaces, "channel", batch.life.place[at])
        return found(batch, at, channels, observed=np.ones(len(at)), high=0)
