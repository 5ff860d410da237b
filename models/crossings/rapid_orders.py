"""One customer orders faster than a person would: a bot, a stuck client, a card being tried out."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, NamedTuple

import numpy as np
from annotated_types import Ge, Gt
from pydantic.dataclasses import dataclass

from features.feature import STRICT
from features.order_slice import MergedOrders
from features.state import State, read_back, written
from models.crossing import Crossing
from models.crossings._verdict import verdict_on
from models.verdict import Signal, Verdict

_MOST_RUNS: Final = 10_000


class _Run(NamedTuple):
    """Orders of a customer, each soon after the one before; when the last one was."""

    orders: int
    last_ms: int


@dataclass(config=STRICT)
class RapidOrders(Crossing):
    """Many orders of one customer in a row, each within seconds of the one before, whatever is in them.

    Said at the order that makes it so many, not when a minute is over. A shop that splits one cart into several
    orders sets `min_orders` beyond what a cart becomes. Observed is the orders of the run.

    Parameters
    ----------
    gap_seconds
        Longest time since the customer's last order that still makes a run.
    min_orders
        Orders of a run from which it is too many.
    """

    kind: ClassVar[str] = "behaviour.customer_burst"
    entity_type: ClassVar[str] = "customer"

    gap_seconds: Annotated[float, Gt(0)] = 30.0
    min_orders: Annotated[int, Ge(3)] = 10

    def __post_init__(self) -> None:
        """Start with no run."""
        self._runs: dict[int, _Run] = {}

    def check(self, orders: MergedOrders) -> list[Verdict]:
        """The orders that continue a run which is long enough."""
        rows = (orders.since_last_seconds <= self.gap_seconds).nonzero()[0].tolist()
        lengths = [self._follow(int(orders.customer[row]), int(orders.time_ms[row])) for row in rows]
        found = zip(rows, lengths, strict=True)
        return [self._verdict(orders, row, length) for row, length in found if length >= self.min_orders]

    def get_state(self) -> State:
        """The runs that may go on."""
        return {"runs": written(self._runs)}

    def set_state(self, state: State) -> None:
        """Go on from these runs."""
        self._runs = read_back(state["runs"], dict[int, _Run])

    def _follow(self, customer: int, time_ms: int) -> int:
        """Orders of the customer's run with this one; the two that begin it are seen at the second."""
        run = self._runs.pop(customer, _Run(0, 0))
        is_on = run.orders and abs(time_ms - run.last_ms) <= self.gap_seconds * 1_000
        run = _Run(run.orders + 1 if is_on else 2, time_ms)
        self._runs[customer] = run
        if len(self._runs) > _MOST_RUNS:
            del self._runs[next(iter(self._runs))]
        return run.orders

    def _verdict(self, merged: MergedOrders, at: int, length: int) -> Verdict:
        signal = Signal(
            "rapid_orders", self.kind, 1.0, 1.0, float(length), np.nan, self.min_orders - 1.0, is_rule=True,
            contribution=1.0,
        )  # fmt: skip
        orders, row = merged.find(at)
        return verdict_on(self, merged, at, orders.customer[row], signal)
