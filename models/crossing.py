"""What a crossing is: a fixed rule on orders that may lie in different partitions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from features.state import State

if TYPE_CHECKING:
    from features.order_slice import MergedOrders
    from models.verdict import Verdict


class Crossing(ABC):
    """A condition over the merged log of orders, judged where the partitions meet.

    What the customer ordered before comes as a column; whatever else it must remember is bounded, and followed
    order by order. Orders come in the order of the merged log, cut anywhere.
    """

    kind: ClassVar[str]
    entity_type: ClassVar[str]

    @abstractmethod
    def check(self, orders: MergedOrders) -> list[Verdict]:
        """Verdicts on these orders."""

    def get_state(self) -> State:
        """What it remembers; nothing, where columns say all."""
        return {}

    def set_state(self, state: State) -> None:  # noqa: B027  # most crossings have nothing to go on from
        """Go on from `get_state` of the same crossing."""
