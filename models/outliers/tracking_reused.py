"""One tracking number for several orders: labels printed twice, or parcels that do not exist."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Ge
from pydantic.dataclasses import dataclass

from features.batch import F64, I64, Batch, Column, Flag
from features.feature import STRICT
from models.outlier import Outlier


@dataclass(config=STRICT)
class TrackingReused(Outlier):
    """Tracking number that other orders were handed over under before.

    Parameters
    ----------
    max_orders
        Orders that may go in one parcel.
    """

    kind: ClassVar[str] = "logistics.tracking_reused"
    entity_type: ClassVar[str] = "carrier"
    feature: ClassVar[str] = "tracking_reuse"
    side: ClassVar[Literal["high", "low", "both"]] = "high"

    max_orders: Annotated[int, Ge(1)] = 1

    def is_large(self, batch: Batch, column: Column) -> Flag:  # noqa: ARG002  # a count needs no second measure
        """Hand-overs under a number of more orders than may share one."""
        return column.values > self.max_orders

    def observed(self, batch: Batch) -> F64:
        """Orders under this number."""
        return batch.columns[self.feature].values

    def event(self, batch: Batch, rows: I64) -> I64:  # noqa: ARG002  # this feature's rows are the events
        """The hand-over."""
        return rows

    def entity(self, batch: Batch, row: int) -> str:
        """The carrier."""
        return batch.shipments.carrier[int(np.searchsorted(batch.shipments.at, row))]
