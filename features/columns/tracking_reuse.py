"""How many orders go under one tracking number."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numba
import numpy as np
from annotated_types import Ge
from pydantic.dataclasses import dataclass

from features.batch import F64, I64, Batch, Column, Flag, Level
from features.feature import STRICT, Feature
from features.keys import Keys, grown
from features.state import State, gathered, part_of, room


@numba.njit(cache=True)
def _follow(rows: I64, fresh: Flag, order: I64, latest: I64, orders: I64) -> F64:
    """Count the orders of each number; an order that is handed over again under its own number is one."""
    out = np.empty(len(rows))
    for i in range(len(rows)):
        row = rows[i]
        if fresh[i]:
            orders[row] = 0
        if orders[row] == 0 or latest[row] != order[i]:
            orders[row] += 1
            latest[row] = order[i]
        out[i] = orders[row]
    return out


@dataclass(config=STRICT)
class TrackingReuse(Feature):
    """Orders handed over under the same tracking number, this one counted: 1 is as it should be.

    A partition knows its own orders: of n orders under one number spread over p partitions the second one that
    meets another in its partition shows it, at the latest the (p + 1)-th.

    Parameters
    ----------
    max_numbers
        Numbers remembered, the latest ones; 40 bytes each.
    """

    level: ClassVar[Level] = "event"
    unit: ClassVar[str] = "orders"

    max_numbers: Annotated[int, Ge(1)] = 200_000

    def __post_init__(self) -> None:
        """Start with no number."""
        self._keys = Keys("tracking_number", self.max_numbers, named=False)
        self._latest, self._orders = np.zeros(64, np.int64), np.zeros(64, np.int64)

    def get_state(self) -> State:
        """Which order each number was last seen with, and how many."""
        return gathered({"keys": self._keys.get_state(), "own": {"latest": self._latest, "orders": self._orders}})

    def set_state(self, state: State) -> None:
        """Go on from these numbers."""
        self._keys.set_state(part_of(state, "keys"))
        self._latest, self._orders = room(state["own/latest"], 1), room(state["own/orders"], 1)

    def transform(self, batch: Batch) -> Column:
        """Orders under the number of each hand-over; NaN for other events."""
        shipments = batch.shipments
        if not len(shipments.at):
            return Column.silent(len(batch))
        rows, fresh = self._keys.rows(shipments.tracking_number)
        self._latest, self._orders = grown(self._latest, self._keys.size), grown(self._orders, self._keys.size)
        values, high = np.full((2, len(batch)), np.nan)
        values[shipments.at] = _follow(rows, fresh, batch.order_id.hash[shipments.at], self._latest, self._orders)
        high[shipments.at] = 1.0
        return Column(values, np.full(len(batch), np.nan), high)
