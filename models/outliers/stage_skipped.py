"""An order that skips a step which its channel's orders hardly ever skip: approved unpaid, shipped unapproved."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final, Literal

import numpy as np
from annotated_types import Gt
from pydantic.dataclasses import dataclass

from features.batch import F64, I64, PLACES, Batch, Column, Flag
from features.event import APPROVED
from features.feature import STRICT
from models.outlier import Outlier

_CHANNEL: Final = PLACES.index("channel")


@dataclass(config=STRICT)
class StageSkipped(Outlier):
    """Order that skipped its payment or its review, where nearly all orders of its channel have one.

    Parameters
    ----------
    min_surprise
        Powers of ten from which it counts: 2 is a step that at most one order in a hundred skips.
    """

    kind: ClassVar[str] = "process.stage_skipped"
    entity_type: ClassVar[str] = "step"
    feature: ClassVar[str] = "skipped_stage"
    side: ClassVar[Literal["high", "low", "both"]] = "high"

    min_surprise: Annotated[float, Gt(0)] = 2.0

    def is_large(self, raw: F64, batch: Batch, column: Column) -> Flag:  # noqa: ARG002  # surprise needs no second measure
        """Steps that are skipped rarely enough."""
        return raw >= self.min_surprise

    def observed(self, batch: Batch) -> F64:
        """1: this order skipped it."""
        return np.ones(len(batch))

    def event(self, batch: Batch, rows: I64) -> I64:  # noqa: ARG002  # this feature's rows are the events
        """The stage that came without the one before."""
        return rows

    def entity(self, batch: Batch, row: int) -> str:
        """Which step of which channel."""
        step = "approved unpaid" if batch.kind[row] == APPROVED else "shipped unapproved"
        channel = int(batch.life.place[row, _CHANNEL])
        return f"{step}/{self._spaces['channel'].names[channel - 1] if channel else 'unknown'}"
