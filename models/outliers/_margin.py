"""A margin that slides: what its two parts share."""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated

from annotated_types import Gt
from pydantic.dataclasses import dataclass

from features.batch import Batch
from features.feature import STRICT
from models.outliers._evidence import Evidence


@dataclass(config=STRICT)
class MarginSlide(Evidence):
    """Margin below its usual one for long enough; `min_evidence` is the summed shortfall from which it counts."""

    min_evidence: Annotated[float, Gt(0)] = 0.4

    @abstractmethod
    def sales_minor(self, batch: Batch, row: int) -> int:
        """What the row brought in, after discounts, in minor units."""

    def loss_minor(self, batch: Batch, row: int, low: float, high: float) -> int:  # noqa: ARG002  # the usual margin is both
        """What the row earned less than at the usual margin."""
        return max(0, round((low - float(self.observed(batch)[row])) * self.sales_minor(batch, row)))
