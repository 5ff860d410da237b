"""A margin that slides: what its two parts share."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, ClassVar, Literal

from annotated_types import Gt
from pydantic.dataclasses import dataclass

from features.batch import Batch, Column, Flag
from features.feature import STRICT
from models.outlier import Outlier


@dataclass(config=STRICT)
class MarginSlide(Outlier):
    """Margin below its usual one for long enough; `min_evidence` is the summed shortfall from which it counts."""

    side: ClassVar[Literal["high", "low", "both"]] = "high"

    min_evidence: Annotated[float, Gt(0)] = 0.4

    def is_large(self, batch: Batch, column: Column) -> Flag:  # noqa: ARG002  # evidence needs no second measure
        """Rows after which the evidence is enough."""
        return column.values >= self.min_evidence

    @abstractmethod
    def sales_minor(self, batch: Batch, row: int) -> int:
        """What the row brought in, after discounts, in minor units."""

    def loss_minor(self, batch: Batch, row: int, low: float, high: float) -> int:  # noqa: ARG002  # the usual margin is both
        """What the row earned less than at the usual margin."""
        return max(0, round((low - float(self.observed(batch)[row])) * self.sales_minor(batch, row)))
