"""A channel that suddenly leaves a field out, or fills it in: a release, a form or an interface has changed."""

from __future__ import annotations

from typing import ClassVar, cast

from pydantic.dataclasses import dataclass

from features.batch import F64, I64, Batch
from features.columns.field_gap import OPTIONAL, Gaps
from features.feature import STRICT
from models.outliers._evidence import Evidence


@dataclass(config=STRICT)
class FieldGapShift(Evidence):
    """Share of orders without a field that has changed in a channel.

    Parameters
    ----------
    min_evidence
        Log likelihood ratio from which it counts: 15 is reached by chance about once in e^15 orders.
    """

    kind: ClassVar[str] = "information.null_rate"
    entity_type: ClassVar[str] = "field"
    feature: ClassVar[str] = "field_gap"

    def observed(self, batch: Batch) -> F64:
        """Share of the channel's latest orders without the field."""
        return self._gaps(batch).lately

    def event(self, batch: Batch, rows: I64) -> I64:
        """The order itself."""
        return batch.created.at[rows]

    def entity(self, batch: Batch, row: int) -> str:
        """Channel and field, e.g. app/client_version."""
        return f"{batch.created.channel[row]}/{OPTIONAL[self._gaps(batch).about[row]]}"

    def _gaps(self, batch: Batch) -> Gaps:
        return cast("Gaps", batch.columns[self.feature])
