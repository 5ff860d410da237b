"""A channel whose orders come late: its queue is stuck, its connection breaks, its clock is slow."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import numpy as np
from annotated_types import Gt
from pydantic.dataclasses import dataclass

from features.batch import F64, I64, Batch, Column, Flag
from features.feature import STRICT
from models.outlier import Outlier


@dataclass(config=STRICT)
class LateChannel(Outlier):
    """Channel of whose orders more come late than used to.

    Parameters
    ----------
    min_evidence
        Log likelihood ratio from which it counts: 15 is reached by chance about once in e^15 orders.
    """

    kind: ClassVar[str] = "system.late_events"
    entity_type: ClassVar[str] = "channel"
    feature: ClassVar[str] = "late_share"
    side: ClassVar[Literal["high", "low", "both"]] = "high"

    min_evidence: Annotated[float, Gt(0)] = 15.0

    def is_large(self, batch: Batch, column: Column) -> Flag:  # noqa: ARG002  # evidence needs no second measure
        """Orders after which the evidence is enough."""
        return column.values >= self.min_evidence

    def observed(self, batch: Batch) -> F64:
        """1: this order is late."""
        return np.ones(len(batch.created))

    def event(self, batch: Batch, rows: I64) -> I64:
        """The order itself."""
        return batch.created.at[rows]

    def entity(self, batch: Batch, row: int) -> str:
        """The channel."""
        return batch.created.channel[row]
