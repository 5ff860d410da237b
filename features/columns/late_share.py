"""How much evidence has gathered that a channel's orders come late more often than they used to."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic.dataclasses import dataclass

from features.batch import Batch, Column, Level
from features.columns._one_array import OneArray
from features.feature import STRICT
from features.keys import grown
from features.rate_shift import FIELDS, follow


@dataclass(config=STRICT)
class LateShare(OneArray):
    """Evidence (`features.rate_shift`) that the share of a channel's orders that come late has changed.

    Late is more than `time.allowed_lateness_seconds` behind what the partition had reached. An order that is in time
    speaks for nothing. The expected range is the usual share, as both ends.
    """

    level: ClassVar[Level] = "created"
    unit: ClassVar[str] = "log likelihood"
    spaces: ClassVar[tuple[str, ...]] = ("channel",)

    def __post_init__(self) -> None:
        """Start with no channel."""
        self._state = np.zeros((16, 1, FIELDS))

    def transform(self, batch: Batch) -> Column:
        """Evidence after each order placed."""
        channel = batch.key(self._spaces["channel"])
        self._state = grown(self._state, channel.size)
        late = batch.late[batch.created.at]
        evidence, _, _, usual = follow(channel.rows, channel.fresh, late[:, np.newaxis], self._state)
        return Column(np.where(late, evidence, 0.0), usual, usual)
