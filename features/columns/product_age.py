"""How long a product has been on sale."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numba
import numpy as np
from annotated_types import Ge
from pydantic.dataclasses import dataclass

from features.batch import F64, I64, Batch, Column, Flag, Level
from features.feature import STRICT, Feature
from features.keys import grown
from features.state import State, room

_MS_PER_DAY = 86_400_000.0


@numba.njit(cache=True)
def _ages(rows: I64, fresh: Flag, at: I64, clock_ms: I64, warm_up_ms: int, begin: I64, first_ms: I64) -> F64:
    age = np.full(len(rows), np.nan)
    for i in range(len(rows)):
        now, row = clock_ms[at[i]], rows[i]
        if begin[0] == 0:
            begin[0] = now
        if fresh[i]:
            first_ms[row] = now if now - begin[0] >= warm_up_ms else 0
        if first_ms[row] > 0:
            age[i] = (now - first_ms[row]) / _MS_PER_DAY
    return age


@dataclass(config=STRICT)
class ProductAge(Feature):
    """Days since the product's first sale in this partition; NaN for those that may be older than the log.

    Parameters
    ----------
    warm_up_days
        What is sold in the log's first days may have been on sale before: its age is not known.
    """

    level: ClassVar[Level] = "line"
    unit: ClassVar[str] = "days"
    spaces: ClassVar[tuple[str, ...]] = ("product",)

    warm_up_days: Annotated[float, Ge(0)] = 14.0

    def __post_init__(self) -> None:
        """Start with no product."""
        self._begin = np.zeros(1, np.int64)
        self._first_ms = np.zeros(1024, np.int64)

    def get_state(self) -> State:
        """When the log began, and when each product's sale did."""
        return {"begin": self._begin, "first_ms": self._first_ms}

    def set_state(self, state: State) -> None:
        """Go on from these products."""
        self._begin, self._first_ms = state["begin"].copy(), room(state["first_ms"], 1)

    def transform(self, batch: Batch) -> Column:
        """Age of each line's product."""
        product = batch.key(self._spaces["product"])
        self._first_ms = grown(self._first_ms, product.size)
        at = batch.created.at[batch.lines.order]
        warm_up_ms = round(self.warm_up_days * _MS_PER_DAY)
        ages = _ages(product.rows, product.fresh, at, batch.clock_ms, warm_up_ms, self._begin, self._first_ms)
        return Column.of(ages)
