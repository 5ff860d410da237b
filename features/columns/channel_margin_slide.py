"""How much margin a channel's latest orders have lost, below what they usually leave."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numpy as np
from annotated_types import Ge, Gt
from pydantic.dataclasses import dataclass

from features.batch import Batch, Column, Level
from features.columns._one_array import OneArray
from features.feature import STRICT
from features.keys import grown
from features.slide import FIELDS, follow


@dataclass(config=STRICT)
class ChannelMarginSlide(OneArray):
    """Summed shortfall of the order's margin (`features.slide`) over the channel's orders of the last hour or so.

    The range is the usual margin, as both ends.

    Parameters
    ----------
    most
        Loss of margin that one value counts for, as a share of sales.
    drift
        Loss of margin tolerated for ever, as a share of sales.
    evidence
        Sum from which the usual margin is no longer learned.
    ready
        Orders of the channel before anything is said.
    """

    level: ClassVar[Level] = "created"
    unit: ClassVar[str] = "shares of sales, summed"
    spaces: ClassVar[tuple[str, ...]] = ("channel",)
    reads: ClassVar[tuple[str, ...]] = ("margin",)

    most: Annotated[float, Gt(0)] = 0.25
    drift: Annotated[float, Gt(0)] = 0.06
    evidence: Annotated[float, Gt(0)] = 2.0
    ready: Annotated[int, Ge(2)] = 200

    def __post_init__(self) -> None:
        """Start with no channel."""
        self._state = np.zeros((16, FIELDS))

    def transform(self, batch: Batch) -> Column:
        """Shortfall after each order; NaN where its margin is not known."""
        channel = batch.key(self._spaces["channel"])
        self._state = grown(self._state, channel.size)
        margin = np.maximum(batch.columns["margin"].values, -1.0)
        slid, usual = follow(
            channel.rows, channel.fresh, margin, self.most, self.drift, self.evidence, float(self.ready), self._state
        )
        return Column(slid, usual, usual)
