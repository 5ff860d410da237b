"""Dead letters as verdicts, so that a source that sends rubbish becomes one alert by its rate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

import numpy as np

from features.batch import Batch
from models.verdict import Signal, Verdict
from stream.dead_letter import DeadLetter

PART: Final = "malformed"
KIND: Final = "information.malformed"
TITLE: Final = "Messages that are no order events; they lie in the dead-letter topic"


def malformed_verdicts(
    letters: Sequence[DeadLetter], batch: Batch, partition: int, clock_before_ms: int
) -> list[Verdict]:
    """One verdict a dead letter, at the event time that its partition had reached before it."""
    if not letters:
        return []
    before = np.searchsorted(batch.offset, [letter.offset for letter in letters]) - 1
    clocks = [clock_before_ms if i < 0 else int(batch.clock_ms[i]) for i in before.tolist()]
    signal = Signal(PART, KIND, 1.0, 1.0, math.nan, math.nan, math.nan, is_rule=True, contribution=1.0)
    return [
        Verdict(
            kind=KIND,
            score=1.0,
            entity_type="error",
            entity=letter.error_class,
            time_ms=clock_ms,
            clock_ms=clock_ms,
            partition=partition,
            offset=letter.offset,
            signals=(signal,),
        )
        for letter, clock_ms in zip(letters, clocks, strict=True)
    ]
