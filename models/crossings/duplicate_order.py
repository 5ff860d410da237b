"""The same customer orders the same basket again, within minutes: a double click, a retry, a stuck client."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Gt
from pydantic.dataclasses import dataclass

from features.feature import STRICT
from features.order_slice import MergedOrders
from models.crossing import Crossing
from models.crossings._verdict import origin_of, verdict_on
from models.verdict import Signal, Verdict


@dataclass(config=STRICT)
class DuplicateOrder(Crossing):
    """Same customer, same skus in the same quantities, within a window.

    Orders of one customer lie in different partitions, so this is judged where the partitions meet. Grouped by
    channel: a client that sends everything twice is one condition that grows, not one a customer.

    Parameters
    ----------
    window_seconds
        Longest time between two orders that count as one.
    """

    kind: ClassVar[str] = "duplicate.order"
    entity_type: ClassVar[str] = "channel"

    window_seconds: Annotated[float, Gt(0)] = 300.0

    def check(self, orders: MergedOrders) -> list[Verdict]:
        """The orders that repeat another."""
        rows = (orders.since_same_seconds <= self.window_seconds).nonzero()[0].tolist()
        return [self._verdict(orders, row, float(orders.since_same_seconds[row])) for row in rows]

    def _verdict(self, merged: MergedOrders, at: int, seconds: float) -> Verdict:
        signal = Signal(
            "duplicate_order", self.kind, 1.0, 1.0, seconds, self.window_seconds, np.nan, is_rule=True, contribution=1.0
        )
        orders, row = merged.find(at)
        verdict = verdict_on(self, merged, at, origin_of(merged, at, "channel"), signal)
        return replace(verdict, loss_e4=int(orders.total_e4[row]))
