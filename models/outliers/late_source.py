"""A system whose events come late: its queue is stuck, its connection breaks, its clock is slow."""

from __future__ import annotations

from typing import ClassVar, Final

import numpy as np
from pydantic.dataclasses import dataclass

from features.batch import F64, I64, Batch
from features.event import EVENT_TYPES
from features.feature import STRICT
from models.outliers._evidence import Evidence

_NAMES: Final = [str(cls.__struct_config__.tag) for cls in EVENT_TYPES]


@dataclass(config=STRICT)
class LateSource(Evidence):
    """Events of one type of which more come late than used to: the queue of the system that sends them is stuck.

    Parameters
    ----------
    min_evidence
        Log likelihood ratio from which it counts: 15 is reached by chance about once in e^15 events.
    """

    kind: ClassVar[str] = "system.late_events"
    entity_type: ClassVar[str] = "event_type"
    feature: ClassVar[str] = "late_share"

    def observed(self, batch: Batch) -> F64:
        """1: this event is late."""
        return np.ones(len(batch))

    def event(self, batch: Batch, rows: I64) -> I64:  # noqa: ARG002  # this feature's rows are the events
        """The event itself."""
        return rows

    def entity(self, batch: Batch, row: int) -> str:
        """The event's type."""
        return _NAMES[int(batch.kind[row])]
