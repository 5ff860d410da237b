"""Order numbers that should have come and did not: orders were lost on the way here."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Gt, Le
from pydantic.dataclasses import dataclass

from features.batch import I64
from features.feature import STRICT
from features.merged_log import Part
from features.order_numbers import DIGITS, Holes, OrderNumbers, split_numbers
from features.order_slice import MergedOrders, OrderSlice
from features.state import State
from features.text import Composed
from models.crossing import Crossing
from models.verdict import Signal, Verdict
from models.verdict_on_row import verdict_on_row

_NAMELESS = "numbers"


@dataclass(config=STRICT)
class OrderNumberGap(Crossing):
    """A run of order numbers is missing that this sequence would not leave out by itself.

    With k numbers missing in a row, and a usual share q of missing numbers: q^k < alert_p. Step and share are
    learned, so numbers given to abandoned carts, or dealt out in steps, are no holes; ids that count nothing are
    never judged. Observed is the numbers missing.

    Parameters
    ----------
    grace_seconds
        How long a number may come after greater ones, in event time.
    alert_p
        Chance of so long a hole, from which it is an alert.
    min_missing
        Fewest numbers that make a hole.
    """

    kind: ClassVar[str] = "missing.order_numbers"
    entity_type: ClassVar[str] = "order_sequence"

    grace_seconds: Annotated[float, Gt(0)] = 300.0
    alert_p: Annotated[float, Gt(0), Le(0.01)] = 1e-9
    min_missing: Annotated[int, Ge(1)] = 3

    def __post_init__(self) -> None:
        """Start with no sequence."""
        self._numbers = OrderNumbers(self.grace_seconds, self.alert_p, self.min_missing)

    def check(self, orders: MergedOrders) -> list[Verdict]:
        """The holes that these orders leave behind them."""
        numbers, names = zip(*(_split(part) for part in orders.parts), strict=True)
        clock_ms = orders.merged([part.whole.clock_ms[part.start : part.end] for part in orders.parts])
        prefix = Composed(orders.merged(names), lambda i: _order_id(orders, i).rstrip(DIGITS))
        holes = self._numbers.follow(prefix, orders.merged(numbers), clock_ms)
        return [self._verdict(orders, holes, i) for i in range(len(holes.at))]

    def get_state(self) -> State:
        """The sequences."""
        return self._numbers.get_state()

    def set_state(self, state: State) -> None:
        """Go on from these sequences."""
        self._numbers.set_state(state)

    def _verdict(self, merged: MergedOrders, holes: Holes, i: int) -> Verdict:
        orders, row = merged.find(int(holes.at[i]))
        most = np.log(self.alert_p) / np.log(holes.usual[i])
        signal = Signal(
            "order_number_gap", self.kind, 1.0, 1.0, float(holes.missing[i]), np.nan,
            max(float(np.floor(most)), self.min_missing - 1.0), is_rule=True, contribution=1.0,
        )  # fmt: skip
        entity = self._numbers.keys.names[int(holes.row[i])] or _NAMELESS
        return verdict_on_row(orders, row, self.entity_type, entity, signal)


def _split(part: Part[OrderSlice]) -> tuple[I64, I64]:
    order_id = part.whole.order_id
    return split_numbers(order_id.data, order_id.start[part.start : part.end], order_id.length[part.start : part.end])


def _order_id(merged: MergedOrders, at: int) -> str:
    orders, row = merged.find(at)
    return orders.order_id[row]
