"""One tracking number for several orders: labels printed twice, or parcels that do not exist."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge
from pydantic.dataclasses import dataclass

from features.feature import STRICT
from features.holders import Holders
from features.state import State
from features.uses import PARCEL, MergedUses
from models.reuse import Reuse
from models.verdict import Signal, Verdict


@dataclass(config=STRICT)
class TrackingReused(Reuse):
    """Tracking number that other orders were handed over under before.

    An order that is handed over again under its own number is one. Observed is the orders under the number; grouped
    by carrier, since labels that are printed twice are one condition that grows.

    Parameters
    ----------
    max_orders
        Orders that may go in one parcel.
    max_numbers
        Numbers remembered, the latest ones; about 100 bytes each.
    """

    kind: ClassVar[str] = "logistics.tracking_reused"
    entity_type: ClassVar[str] = "carrier"
    sort: ClassVar[str] = PARCEL

    max_orders: Annotated[int, Ge(1)] = 1
    max_numbers: Annotated[int, Ge(1)] = 200_000

    def __post_init__(self) -> None:
        """Start with no number."""
        self._holders = Holders("tracking_number", self.max_numbers)

    def check(self, uses: MergedUses) -> list[Verdict]:
        """The hand-overs under a number of more orders than may share one."""
        _, orders, _, _ = self._holders.follow(uses.thing, uses.holder)
        return [self._verdict(uses, at, int(orders[at])) for at in (orders > self.max_orders).nonzero()[0].tolist()]

    def get_state(self) -> State:
        """The orders of each number."""
        return self._holders.get_state()

    def set_state(self, state: State) -> None:
        """Go on from these numbers."""
        self._holders.set_state(state)

    def _verdict(self, merged: MergedUses, at: int, orders: int) -> Verdict:
        signal = Signal(
            "tracking_reused", self.kind, 1.0, 1.0, float(orders), np.nan, float(self.max_orders),
            is_rule=True, contribution=1.0,
        )  # fmt: skip
        uses, row = merged.find(at)
        return self.verdict(merged, at, uses.names["group"][row], signal)
