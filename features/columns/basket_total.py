"""How far an order's total lies from what its channel usually sees."""

from __future__ import annotations

from typing import Annotated, ClassVar

from annotated_types import Gt
from pydantic.dataclasses import dataclass

from features.batch import Batch, Column, Level
from features.feature import STRICT, Feature
from features.robust_level import RobustLevel
from features.state import Stateful


@dataclass(config=STRICT)
class BasketTotal(Feature):
    """Order total against its channel's running level, in spreads of log total; a total <= 0 has no value.

    Parameters
    ----------
    floor
        Smallest relative spread believed.
    """

    level: ClassVar[Level] = "created"
    unit: ClassVar[str] = "spreads"
    spaces: ClassVar[tuple[str, ...]] = ("channel",)

    floor: Annotated[float, Gt(0)] = 0.1

    def __post_init__(self) -> None:
        """Start with no channel."""
        self._levels = RobustLevel(levels=1, floor=self.floor, typical=1.0)

    def transform(self, batch: Batch) -> Column:
        """Deviation of each order's total; the expected range is in minor units."""
        return self._levels.follow_logs([batch.key(self._spaces["channel"])], batch.created.total_minor)

    def _parts(self) -> dict[str, Stateful]:
        return {"levels": self._levels}
