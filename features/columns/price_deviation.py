"""How far a line's unit price lies from what this product usually costs."""

from __future__ import annotations

from typing import Annotated, ClassVar

from annotated_types import Gt
from pydantic.dataclasses import dataclass

from features.batch import Batch, Column, Level
from features.feature import STRICT, Feature
from features.robust_level import RobustLevel
from features.state import Stateful


@dataclass(config=STRICT)
class PriceDeviation(Feature):
    """Unit price against the product's running level, in spreads of log price.

    A product with few sales leans on its seller, a seller on its channel (`features.robust_level`). The
    expected range is in minor units. A price of 0 or less has no logarithm and is left to the rules.

    Parameters
    ----------
    floor
        Smallest relative spread believed: 0.05 keeps a price that never moved from being certain to 5 %.
    """

    level: ClassVar[Level] = "line"
    unit: ClassVar[str] = "spreads"
    spaces: ClassVar[tuple[str, ...]] = ("product", "seller", "channel")

    floor: Annotated[float, Gt(0)] = 0.05

    def __post_init__(self) -> None:
        """Start with no product."""
        self._levels = RobustLevel(levels=3, floor=self.floor, typical=0.25)

    def transform(self, batch: Batch) -> Column:
        """Deviation of each line's price."""
        product, seller = batch.key(self._spaces["product"]), batch.key(self._spaces["seller"])
        channel = batch.key(self._spaces["channel"]).of_lines(batch.lines.order)
        return self._levels.follow_logs([product, seller, channel], batch.lines.price_minor)

    def _parts(self) -> dict[str, Stateful]:
        return {"levels": self._levels}
