"""What an outlier part is: one feature's deviation, taken seriously from a stated size on."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Ge, Gt
from pydantic.dataclasses import dataclass

from features.feature import STRICT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from features.batch import F64, I64, Batch, Column, Flag
    from features.keys import Keys


@dataclass(config=STRICT)
class Outlier(ABC):
    """Scores the rows of a feature by the size of their deviation.

    A deviation counts only when it is also large in absolute terms: a price that never moved is not abnormal
    for moving by a cent. `side` says which deviations matter.

    Parameters
    ----------
    min_spreads
        Smallest deviation, in spreads, that can be an alert.
    min_ratio
        Smallest ratio between the value and what was expected that can be an alert.
    """

    kind: ClassVar[str]
    entity_type: ClassVar[str]
    feature: ClassVar[str]
    side: ClassVar[Literal["high", "low", "both"]] = "both"
    in_minor_units: ClassVar[bool] = False
    """Whether observed, low and high are amounts in minor units; a person is shown whole units."""

    min_spreads: Annotated[float, Gt(0)] = 6.0
    min_ratio: Annotated[float, Ge(1)] = 1.5

    def raw(self, batch: Batch, column: Column) -> F64:  # noqa: ARG002  # most outliers know of no other explanation
        """Deviation on the side that matters, 0 on the other; NaN, and not learned, where nothing is to be said."""
        if self.side == "both":
            return np.abs(column.values)
        return np.maximum(column.values if self.side == "high" else -column.values, 0.0)

    def is_large(self, raw: F64, batch: Batch, column: Column) -> Flag:
        """Rows whose deviation, `raw` of them, is large enough to be an alert."""
        far = raw >= self.min_spreads
        if not np.count_nonzero(far):
            return far
        with np.errstate(divide="ignore", invalid="ignore"):
            log_ratio = np.abs(np.log(self.observed(batch) / np.sqrt(column.low * column.high)))
        large: Flag = far & (log_ratio >= np.log(self.min_ratio))
        return large

    @abstractmethod
    def observed(self, batch: Batch) -> F64:
        """The value itself, in the unit of the feature's expected range."""

    def expected(self, column: Column, row: int) -> tuple[float, float]:
        """Low and high of what is usual, in the unit of what is observed."""
        return float(column.low[row]), float(column.high[row])

    @abstractmethod
    def event(self, batch: Batch, rows: I64) -> I64:
        """Positions of the events that the feature's rows belong to."""

    @abstractmethod
    def entity(self, batch: Batch, row: int) -> str:
        """Key of what the row's alert is grouped by."""

    def loss_minor(self, batch: Batch, row: int, low: float, high: float) -> int:  # noqa: ARG002  # most outliers cost nothing yet
        """Money lost by this row, in minor units."""
        return 0

    def bind(self, spaces: Mapping[str, Keys]) -> None:
        """Receive the partition's key spaces, once, before the first batch."""
        self._spaces = spaces
