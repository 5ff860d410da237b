"""What a rule or a detector found: columns again, a row for each thing found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from features.batch import F64, I32, I64, PLACES, Batch, Overdue


@dataclass(slots=True)
class Findings:
    """Anomalous events of one batch, seen by one part.

    `at` : position of the event in the batch (of the event whose clock passed the deadline, for one that
    never came). `entity` : key of what the finding is grouped by. `observed`, `low`, `high` : the value and the
    range expected, in the part's unit, NaN where there is none. `loss_minor` : money lost, 0 where unknown.
    `place` : channel, client version, region and carrier rows (see `features.batch.Life`).
    """

    at: I64
    order_id: list[str]
    time_ms: I64
    entity: list[str]
    observed: F64
    low: F64
    high: F64
    loss_minor: I64
    place: I32

    def __len__(self) -> int:
        """How many were found."""
        return len(self.at)


_NO_INTEGER: Final = np.zeros(0, np.int64)
_NO_VALUE: Final = np.zeros(0, np.float64)

NOTHING: Final = Findings(
    at=_NO_INTEGER,
    order_id=[],
    time_ms=_NO_INTEGER,
    entity=[],
    observed=_NO_VALUE,
    low=_NO_VALUE,
    high=_NO_VALUE,
    loss_minor=_NO_INTEGER,
    place=np.zeros((0, len(PLACES)), np.int32),
)
"""All is well: the answer of nearly every rule to nearly every batch, made once. Nobody may change it."""


def found(
    batch: Batch,
    at: I64,
    entity: Sequence[str],
    *,
    observed: F64 | I64,
    low: F64 | float = np.nan,
    high: F64 | float = np.nan,
    loss_minor: I64 | int = 0,
) -> Findings:
    """Findings about the events at the positions `at` of the batch."""
    n = len(at)
    return Findings(
        at=at,
        order_id=[batch.order_id[i] for i in at.tolist()],
        time_ms=batch.time_ms[at],
        entity=list(entity),
        observed=np.asarray(observed, np.float64),
        low=np.broadcast_to(np.asarray(low, np.float64), n),
        high=np.broadcast_to(np.asarray(high, np.float64), n),
        loss_minor=np.broadcast_to(np.asarray(loss_minor, np.int64), n),
        place=batch.life.place[at],
    )


def found_overdue(overdue: Overdue, rows: I64, entity: Sequence[str], *, hours_late: F64) -> Findings:
    """Findings about events that did not come in time; `rows` are rows of `overdue`."""
    return Findings(
        at=overdue.at[rows],
        order_id=[overdue.order_id[i] for i in rows.tolist()],
        time_ms=overdue.deadline_ms[rows],
        entity=list(entity),
        observed=hours_late,
        low=np.full(len(rows), np.nan),
        high=np.zeros(len(rows)),
        loss_minor=np.zeros(len(rows), np.int64),
        place=overdue.place[rows],
    )
