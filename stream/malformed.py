"""Dead letters as verdicts, so that a source that sends rubbish becomes one alert once it has sent enough of it.

They are counted by the source that a message names (`stream.senders`), else by the class of the error. The alert says
which error is behind most of them, and at which field.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from typing import Final

import numpy as np

from features.batch import Batch
from models.verdict import Signal, Verdict
from stream.dead_letter import DeadLetter
from stream.senders import UNKNOWN, Senders, sender_of

PART: Final = "malformed"
KIND: Final = "information.malformed"
TITLE: Final = "Messages that are no order events; they lie in the dead-letter topic"

ERROR: Final = "error"
_FIELD: Final = re.compile(r"missing required field `(?P<lacks>\w+)`|- at `\$\.(?P<path>[^`]*)`")
_INDEX: Final = re.compile(r"\[[^\]]*\]")


def malformed_verdicts(
    letters: Sequence[DeadLetter], batch: Batch, partition: int, clock_before_ms: int, senders: Senders
) -> list[Verdict]:
    """One verdict a dead letter, at the event time that its partition had reached before it."""
    if not letters:
        return []
    before = np.searchsorted(batch.offset, [letter.offset for letter in letters]) - 1
    clocks = [clock_before_ms if i < 0 else int(batch.clock_ms[i]) for i in before.tolist()]
    signal = Signal(PART, KIND, 1.0, 1.0, math.nan, math.nan, math.nan, is_rule=True, contribution=1.0)
    sent_by = [senders.known(sender_of(letter.value)) for letter in letters]
    return [
        Verdict(
            kind=KIND,
            score=1.0,
            entity_type=ERROR if sender == UNKNOWN else "source",
            entity=letter.error_class if sender == UNKNOWN else sender,
            time_ms=clock_ms,
            clock_ms=clock_ms,
            partition=partition,
            offset=letter.offset,
            signals=(signal,),
            segment={ERROR: fault_of(letter)},
        )
        for letter, clock_ms, sender in zip(letters, clocks, sent_by, strict=True)
    ]


def fault_of(letter: DeadLetter) -> str:
    """The error's class, and the field at fault where it is about one; never what the field holds.

    >>> letter = DeadLetter(b"{}", None, 0, 0, -1, "ValidationError", "Expected `int` - at `$.line_items[0].quantity`")
    >>> fault_of(letter)
    'ValidationError at line_items.quantity'
    """
    found = _FIELD.search(letter.error_message)
    if found is None:
        return letter.error_class
    return f"{letter.error_class} at {_INDEX.sub('', found['lacks'] or found['path'])}"
