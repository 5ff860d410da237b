"""An order far larger or smaller than its channel usually sees."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic.dataclasses import dataclass

from features.batch import F64, I64, Batch
from features.feature import STRICT
from models.outlier import Outlier


@dataclass(config=STRICT)
class BasketOutlier(Outlier):
    """Order total far from what its channel usually sees."""

    kind: ClassVar[str] = "behaviour.basket_outlier"
    entity_type: ClassVar[str] = "channel"
    feature: ClassVar[str] = "basket_total"
    in_minor_units: ClassVar[bool] = True

    def observed(self, batch: Batch) -> F64:
        """Order total in minor units."""
        return batch.created.total_minor.astype(np.float64)

    def event(self, batch: Batch, rows: I64) -> I64:
        """The order itself."""
        return batch.created.at[rows]

    def entity(self, batch: Batch, row: int) -> str:
        """The channel."""
        return batch.created.channel[row]
