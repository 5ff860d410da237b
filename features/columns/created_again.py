"""Whether an order's number was used before, and for the same order."""

from __future__ import annotations

from typing import ClassVar, Final

import numba
import numpy as np
from pydantic.dataclasses import dataclass

from features.batch import F64, I64, Batch, Column, Flag, Level
from features.event import CREATED
from features.feature import STRICT, Feature
from features.keys import grown
from features.state import State, room
from features.text import mix

FIRST, SAME, OTHER = 0.0, 1.0, 2.0
_EMPTY: Final = 0


@numba.njit(cache=True)
def _compare(rows: I64, fresh: Flag, is_created: Flag, content: I64, known: I64) -> F64:
    again, placed = np.zeros(len(content)), 0
    for i in range(len(rows)):
        if fresh[i]:
            known[rows[i]] = _EMPTY
        if not is_created[i]:
            continue
        before = known[rows[i]]
        if before != _EMPTY:
            again[placed] = SAME if before == content[placed] else OTHER
        known[rows[i]] = content[placed]
        placed += 1
    return again


@dataclass(config=STRICT)
class CreatedAgain(Feature):
    """0: a new number. 1: the order was told before, word for word. 2: its number was another order's.

    Customer, basket, currency and amounts are compared, with what was told last under that number; 8 bytes an
    order.
    """

    level: ClassVar[Level] = "created"
    unit: ClassVar[str] = "0, 1 or 2"
    spaces: ClassVar[tuple[str, ...]] = ("order",)

    def __post_init__(self) -> None:
        """Start with no order."""
        self._known = np.zeros(1024, np.int64)

    def get_state(self) -> State:
        """What was told of each order."""
        return {"known": self._known}

    def set_state(self, state: State) -> None:
        """Go on from these orders."""
        self._known = room(state["known"], 1)

    def transform(self, batch: Batch) -> Column:
        """Each order placed against what was placed under its number."""
        orders, created = batch.key(self._spaces["order"]), batch.created
        self._known = grown(self._known, orders.size)
        content = _content(
            created.customer.hash, created.currency.hash, created.basket,
            created.total_minor, created.goods_minor, created.discount_minor,
        )  # fmt: skip
        return Column.of(_compare(orders.rows, orders.fresh, batch.kind == CREATED, content, self._known))


@numba.njit(cache=True)
def _content(customer: I64, currency: I64, basket: I64, total: I64, goods: I64, discount: I64) -> I64:
    """64 bits of what each order says; never those of an empty row."""
    content = np.empty(len(customer), np.int64)
    for i in range(len(customer)):
        bits = mix(mix(customer[i], currency[i]), basket[i])
        bits = mix(mix(mix(bits, total[i]), goods[i]), discount[i])
        content[i] = bits if bits != _EMPTY else 1
    return content
