"""A stage that took far longer than is usual on its route."""

from __future__ import annotations

from typing import ClassVar, Literal

from pydantic.dataclasses import dataclass

from features.batch import F64, I64, Batch
from features.feature import STRICT
from models.outlier import Outlier


@dataclass(config=STRICT)
class LatencyOutlier(Outlier):
    """Stage far slower than is usual on its route."""

    kind: ClassVar[str] = "latency.outlier"
    entity_type: ClassVar[str] = "route"
    feature: ClassVar[str] = "stage_latency"
    side: ClassVar[Literal["high", "low", "both"]] = "high"

    def observed(self, batch: Batch) -> F64:
        """Seconds since the stage before."""
        return batch.life.latency_seconds

    def event(self, batch: Batch, rows: I64) -> I64:  # noqa: ARG002  # this feature's rows are the events
        """The event that ended the stage."""
        return rows

    def entity(self, batch: Batch, row: int) -> str:
        """The route, e.g. delivered/SF/GD."""
        return batch.routes.route_of(row)
