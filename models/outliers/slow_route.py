"""A route that has become slow: no single parcel proves it, all of them together do."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from annotated_types import Gt
from pydantic.dataclasses import dataclass

from features.batch import F64, I64, Batch, Column, Flag
from features.feature import STRICT
from models.outlier import Outlier


@dataclass(config=STRICT)
class SlowRoute(Outlier):
    """Route slower than it used to be, by the sum of its latest latencies.

    Parameters
    ----------
    min_evidence
        CUSUM, in spreads, from which it counts as slow: 25, at a drift of 1, is some twenty-five orders in a
        row that are two spreads slower than usual.
    """

    kind: ClassVar[str] = "latency.slow_route"
    entity_type: ClassVar[str] = "route"
    feature: ClassVar[str] = "route_slowdown"
    side: ClassVar[Literal["high", "low", "both"]] = "high"

    min_evidence: Annotated[float, Gt(0)] = 25.0

    def is_large(self, raw: F64, batch: Batch, column: Column) -> Flag:  # noqa: ARG002  # evidence needs no second measure
        """Events after which the evidence is enough."""
        return raw >= self.min_evidence

    def observed(self, batch: Batch) -> F64:
        """The evidence, in spreads: no single latency need be odd."""
        return batch.columns[self.feature].values

    def expected(self, column: Column, row: int) -> tuple[float, float]:  # noqa: ARG002  # the same for every route
        """Less evidence than counts."""
        return 0.0, self.min_evidence

    def event(self, batch: Batch, rows: I64) -> I64:  # noqa: ARG002  # this feature's rows are the events
        """The event that ended the stage."""
        return rows

    def entity(self, batch: Batch, row: int) -> str:
        """Stage and who answers for it, e.g. delivered/SF."""
        return batch.routes.group_of(row)
