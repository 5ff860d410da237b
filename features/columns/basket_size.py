"""How many pieces an order holds."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic.dataclasses import dataclass

from features.batch import Batch, Column, Level
from features.feature import STRICT, Feature


@dataclass(config=STRICT)
class BasketSize(Feature):
    """Pieces of all lines together, as a natural logarithm: 1 piece is 0."""

    level: ClassVar[Level] = "created"
    unit: ClassVar[str] = "ln pieces"

    def transform(self, batch: Batch) -> Column:
        """Size of each order placed."""
        return Column.of(np.log(batch.created.quantity))
