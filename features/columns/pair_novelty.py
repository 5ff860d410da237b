"""How surprising it is that two promotions stand on one order for the first time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Annotated, ClassVar

import numba
import numpy as np
from annotated_types import Ge
from pydantic.dataclasses import dataclass

from features.batch import F64, I64, Batch, Column, Flag, Level
from features.feature import STRICT, Feature
from features.keys import Keys, grown
from features.state import State, gathered, part_of, room
from features.text import Composed, mixed


@numba.njit(cache=True)
def _uses_before(rows: I64, fresh: Flag, uses: F64) -> F64:
    before = np.empty(len(rows))
    for i in range(len(rows)):
        if fresh[i]:
            uses[rows[i]] = 0.0
        before[i] = uses[rows[i]]
        uses[rows[i]] += 1.0
    return before


@dataclass(config=STRICT)
class PairNovelty(Feature):
    r"""Orders on which a pair of promotions would have stood by now, were it free to, at the first on which it does.

    expected = orders with the one x orders with the other / orders: what is used often, and never together, is
    kept apart by something. 0 where the pair was seen before. Of several new pairs on one order the most
    surprising. A partition knows its own orders.

    Parameters
    ----------
    max_pairs
        Pairs remembered, the latest ones; 24 bytes each.
    """

    level: ClassVar[Level] = "created"
    unit: ClassVar[str] = "orders"
    spaces: ClassVar[tuple[str, ...]] = ("promotion",)

    max_pairs: Annotated[int, Ge(1)] = 20_000

    def __post_init__(self) -> None:
        """Start with no order."""
        self._orders = 0
        self._uses = np.zeros(64)
        self._pairs = Keys("pair", self.max_pairs, named=False)

    def get_state(self) -> State:
        """How often each promotion was used, and which pairs were seen."""
        own = {"orders": np.array([self._orders]), "uses": self._uses}
        return gathered({"pairs": self._pairs.get_state(), "own": own})

    def set_state(self, state: State) -> None:
        """Go on from these counts."""
        self._pairs.set_state(part_of(state, "pairs"))
        self._orders, self._uses = int(state["own/orders"][0]), room(state["own/uses"], 1)

    def transform(self, batch: Batch) -> Column:
        """Surprise of each order placed."""
        n, promotion = len(batch.created), batch.key(self._spaces["promotion"])
        self._uses = grown(self._uses, promotion.size)
        before = _uses_before(promotion.rows, promotion.fresh, self._uses)
        surprise = np.zeros(n)
        several = batch.discounts.several()
        if several:
            self._meet(batch, [rows for _, rows in several], before, surprise)
        self._orders += n
        return Column(surprise, np.zeros(n), np.zeros(n))

    def _meet(self, batch: Batch, places: Sequence[slice], before: F64, surprise: F64) -> None:
        pairs = [pair for rows in places for pair in combinations(range(rows.start, rows.stop), 2)]
        one, other = np.array(pairs, np.int64).T
        bits, order = batch.discounts.promotion.hash, batch.discounts.order[one]
        low, high = np.minimum(bits[one], bits[other]), np.maximum(bits[one], bits[other])
        _, fresh = self._pairs.rows(Composed(mixed(low, high)))
        expected = before[one] * before[other] / np.maximum(self._orders + order, 1)
        np.maximum.at(surprise, order, np.where(fresh & (low != high), expected, 0.0))
