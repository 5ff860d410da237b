"""What a crossing is: a fixed rule on orders that may lie in different partitions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

if TYPE_CHECKING:
    from features.batch import F64
    from features.order_slice import OrderSlice
    from models.verdict import Verdict


class Crossing(ABC):
    """A condition over the merged log of orders, judged where the partitions meet.

    It holds no state: what the customer ordered before comes as a column. Orders come in the order of the merged
    log, cut anywhere.
    """

    kind: ClassVar[str]
    entity_type: ClassVar[str]

    @abstractmethod
    def check(self, orders: OrderSlice, since_same_seconds: F64) -> list[Verdict]:
        """Verdicts on these orders; `since_same_seconds` is since the customer's last order of the same basket."""
