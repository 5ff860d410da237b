"""A feature that gathers evidence of a change: what its parts share."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from annotated_types import Gt
from pydantic.dataclasses import dataclass

from features.batch import F64, Batch, Column, Flag
from features.feature import STRICT
from models.outlier import Outlier


@dataclass(config=STRICT)
class Evidence(Outlier):
    """Evidence that is strong enough; `min_evidence` is the value of the feature from which it counts."""

    side: ClassVar[Literal["high", "low", "both"]] = "high"

    min_evidence: Annotated[float, Gt(0)] = 15.0

    def is_large(self, raw: F64, batch: Batch, column: Column) -> Flag:  # noqa: ARG002  # evidence needs no second measure
        """Rows after which the evidence is enough."""
        return raw >= self.min_evidence
