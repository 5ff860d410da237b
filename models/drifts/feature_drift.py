"""A feature whose mean has moved for good."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import ClassVar

from pydantic.dataclasses import dataclass

from features.batch import F64, I64, Batch
from features.feature import STRICT
from models.drift_series import DriftSeries


@dataclass(config=STRICT)
class FeatureDrift(DriftSeries):
    """Mean of a feature that has moved to a new level: margins that shrink, baskets that grow.

    Nothing of this is wrong with a single order; models trained before it may be.
    """

    kind: ClassVar[str] = "behaviour.feature_drift"
    entity_type: ClassVar[str] = "feature"

    def measure(self, batch: Batch, names: Sequence[str]) -> Iterator[tuple[str, F64, I64]]:
        """The columns of the features named."""
        at_of = {
            "created": batch.created.at,
            "line": batch.created.at[batch.lines.order],
            "discount": batch.created.at[batch.discounts.order],
        }
        for name in names:
            column = batch.columns[name]
            if column.level in at_of:
                yield name, column.values, at_of[column.level]
