"""An hour in which a channel earns little: many orders a little too cheap."""

from __future__ import annotations

from typing import Annotated, ClassVar

from annotated_types import Gt
from pydantic.dataclasses import dataclass

from features.batch import F64, I64, Batch
from features.feature import STRICT
from models.outliers._margin import MarginSlide


@dataclass(config=STRICT)
class ChannelMargin(MarginSlide):
    """Margin of a channel's latest orders that has fallen below its usual one.

    Parameters
    ----------
    min_evidence
        Summed shortfall from which it counts: 2 is twenty orders at 16 points less.
    """

    kind: ClassVar[str] = "price.channel_margin_falling"
    entity_type: ClassVar[str] = "channel"
    feature: ClassVar[str] = "channel_margin_slide"

    min_evidence: Annotated[float, Gt(0)] = 2.0

    def observed(self, batch: Batch) -> F64:
        """Margin of the order, as a share of its sales."""
        return batch.columns["margin"].values

    def event(self, batch: Batch, rows: I64) -> I64:
        """The order itself."""
        return batch.created.at[rows]

    def entity(self, batch: Batch, row: int) -> str:
        """The channel."""
        return batch.created.channel[row]

    def sales_minor(self, batch: Batch, row: int) -> int:
        """The order's goods after discounts."""
        return int(batch.created.goods_minor[row] - batch.created.discount_minor[row])
