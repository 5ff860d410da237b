"""How much evidence has gathered that the events of one type come late more often than they used to."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np
from pydantic.dataclasses import dataclass

from features.batch import Batch, Column, Level
from features.columns._one_array import OneArray
from features.event import CREATED, EVENT_TYPES, INVENTORY
from features.feature import STRICT
from features.rate_shift import FIELDS, follow

_NEVER_FRESH: Final = np.zeros(1 << 12, np.bool_)


@dataclass(config=STRICT)
class LateShare(OneArray):
    """Evidence (`features.rate_shift`) that the share of an event type's events that come late has changed.

    Late is more than `time.allowed_lateness_seconds` behind what the partition had reached. Payments, approvals,
    hand-overs and the rest are each sent by a system of its own. Orders placed are followed by channel where the
    partitions meet, stock levels by a rule: of those nothing is said. An event that is in time speaks for nothing.
    The expected range is the usual share, as both ends.
    """

    level: ClassVar[Level] = "event"
    unit: ClassVar[str] = "log likelihood"

    def __post_init__(self) -> None:
        """Start with no event."""
        self._state = np.zeros((len(EVENT_TYPES), 1, FIELDS))

    def transform(self, batch: Batch) -> Column:
        """Evidence after each event; 0 for those in time."""
        at = ((batch.kind != CREATED) & (batch.kind != INVENTORY)).nonzero()[0]
        if not len(at):
            return Column.silent(len(batch))
        late = batch.late[at]
        fresh = _NEVER_FRESH[: len(at)] if len(at) <= len(_NEVER_FRESH) else np.zeros(len(at), np.bool_)
        evidence, _, _, usual = follow(batch.kind[at].astype(np.int64), fresh, late[:, np.newaxis], self._state)
        values, share = np.full((2, len(batch)), np.nan)
        values[at], share[at] = np.where(late, evidence, 0.0), usual
        return Column(values, share, share)
