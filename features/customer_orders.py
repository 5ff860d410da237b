"""When a customer ordered last, and when the same basket."""

from __future__ import annotations

from typing import Final

import numba
import numpy as np

from features.batch import F64, I64, Flag
from features.keys import Keys, grown
from features.state import State, gathered, part_of, room
from features.text import Naming

_REMEMBERED: Final = 2


@numba.njit(cache=True)
def _follow(rows: I64, fresh: Flag, time_ms: I64, basket: I64, seen_ms: I64, seen: I64) -> tuple[F64, F64]:
    since_any, since_same = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    for i in range(len(rows)):
        row = rows[i]
        if fresh[i]:
            seen_ms[row] = 0
        for k in range(_REMEMBERED):
            if seen_ms[row, k] > 0:
                seconds = abs(time_ms[i] - seen_ms[row, k]) / 1000.0
                since_any[i] = np.fmin(since_any[i], seconds)
                if seen[row, k] == basket[i]:
                    since_same[i] = np.fmin(since_same[i], seconds)
        seen_ms[row, 1], seen[row, 1] = seen_ms[row, 0], seen[row, 0]
        seen_ms[row, 0], seen[row, 0] = time_ms[i], basket[i]
    return since_any, since_same


class CustomerOrders:
    """The last two orders of each customer: 32 bytes beside the key.

    Parameters
    ----------
    max_customers
        Live customers; the least recently seen is forgotten first.
    """

    def __init__(self, max_customers: int) -> None:
        """Start with no customer."""
        self.keys = Keys("customer", max_customers, named=False)
        self._seen_ms = np.zeros((1024, _REMEMBERED), np.int64)
        self._seen = np.zeros((1024, _REMEMBERED), np.int64)

    def get_state(self) -> State:
        """Who ordered what, and when."""
        return gathered({"keys": self.keys.get_state(), "orders": {"seen_ms": self._seen_ms, "seen": self._seen}})

    def set_state(self, state: State) -> None:
        """Go on from these orders."""
        self.keys.set_state(part_of(state, "keys"))
        self._seen_ms, self._seen = room(state["orders/seen_ms"], 1), room(state["orders/seen"], 1)

    def follow(self, customer: Naming, time_ms: I64, basket: I64) -> tuple[F64, F64]:
        """Seconds since each customer's last order, and since the last one of the same basket; NaN: none."""
        rows, fresh = self.keys.rows(customer)
        self._seen_ms, self._seen = grown(self._seen_ms, self.keys.size), grown(self._seen, self.keys.size)
        return _follow(rows, fresh, time_ms, basket, self._seen_ms, self._seen)
