"""How rarely an order of this channel skips the stage that this one skipped."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Final

import numba
import numpy as np
from annotated_types import Ge, Gt
from pydantic.dataclasses import dataclass

from features.batch import F64, I8, I64, ORDER_TIMES, PLACES, Batch, Column, Level
from features.columns._one_array import OneArray
from features.event import APPROVED, PAID, SHIPPED
from features.feature import STRICT
from features.keys import grown

_CREATED: Final = ORDER_TIMES.index("created")
_CHANNEL: Final = PLACES.index("channel")
_BEFORE: Final = {APPROVED: PAID, SHIPPED: APPROVED}
"""Stage -> the one before it; a delivery without a hand-over is a rule of its own."""


@numba.njit(cache=True)
def _follow(stage: I8, channel: I64, skipped: I8, seen: F64, ready: float, memory: float) -> tuple[F64, F64]:
    """Surprise of each stage reached, and the share that usually skips; judge, then learn."""
    surprise, share = np.zeros(len(stage)), np.full(len(stage), np.nan)
    for i in range(len(stage)):
        count = seen[channel[i], stage[i]]
        if count[0] >= ready:
            share[i] = (count[1] + 1.0) / (count[0] + 2.0)
            if skipped[i]:
                surprise[i] = -math.log10(share[i])
        keep = 1.0 - 1.0 / memory
        count[0] = count[0] * keep + 1.0
        count[1] = count[1] * keep + skipped[i]
    return surprise, share


@dataclass(config=STRICT)
class SkippedStage(OneArray):
    """-log10 of the share of a channel's orders that reach this stage without the one before: 2 is one in a hundred.

    0 where nothing was skipped. What a shop does not use is never missed: a channel without review skips it always,
    and is not surprising. A process that changes for good is usual after some hundreds of orders.

    Parameters
    ----------
    ready
        Orders of the channel at this stage before anything is said.
    memory
        Orders that the share is remembered over.
    """

    level: ClassVar[Level] = "event"
    unit: ClassVar[str] = "powers of ten"

    ready: Annotated[float, Ge(1)] = 100.0
    memory: Annotated[float, Gt(1)] = 2_000.0

    def __post_init__(self) -> None:
        """Start with no channel."""
        self._state = np.zeros((16, len(ORDER_TIMES), 2))

    def transform(self, batch: Batch) -> Column:
        """Surprise of each payment's approval and hand-over; NaN for other events."""
        n, times = len(batch), batch.life.at_ms
        at = (((batch.kind == APPROVED) | (batch.kind == SHIPPED)) & (times[:, _CREATED] > 0)).nonzero()[0]
        if not len(at):
            return Column.silent(n)
        stage, channel = batch.kind[at], batch.life.place[at, _CHANNEL].astype(np.int64)
        before = np.where(stage == APPROVED, _BEFORE[APPROVED], _BEFORE[SHIPPED])
        skipped = ((times[at, before] == 0) & (times[at, stage] == 0)).astype(np.int8)
        self._state = grown(self._state, int(channel.max()) + 1)
        values, high = np.full(n, np.nan), np.full(n, np.nan)
        values[at], high[at] = _follow(stage, channel, skipped, self._state, self.ready, self.memory)
        return Column(values, np.full(n, np.nan), high)
