"""How deep a discount is against what its promotion usually takes off."""

from __future__ import annotations

from typing import Annotated, ClassVar

from annotated_types import Gt
from pydantic.dataclasses import dataclass

from features.amounts import shares
from features.batch import Batch, Column, Level
from features.feature import STRICT, Feature
from features.robust_level import RobustLevel
from features.state import Stateful


@dataclass(config=STRICT)
class PromotionDepth(Feature):
    """Discount / goods of the order against the promotion's running level, in spreads of log share.

    A promotion seen few times leans on its channel. One value a discount; the expected range is a share.

    Parameters
    ----------
    floor
        Smallest relative spread believed.
    """

    level: ClassVar[Level] = "discount"
    unit: ClassVar[str] = "spreads"
    spaces: ClassVar[tuple[str, ...]] = ("promotion", "channel")

    floor: Annotated[float, Gt(0)] = 0.1

    def __post_init__(self) -> None:
        """Start with no promotion."""
        self._levels = RobustLevel(levels=2, floor=self.floor, typical=0.5)

    def transform(self, batch: Batch) -> Column:
        """Deviation of each discount's depth."""
        discounts = batch.discounts
        share = shares(discounts.amount_minor, batch.created.goods_minor[discounts.order])
        channel = batch.key(self._spaces["channel"]).of_lines(discounts.order)
        return self._levels.follow_logs([batch.key(self._spaces["promotion"]), channel], share)

    def _parts(self) -> dict[str, Stateful]:
        return {"levels": self._levels}
