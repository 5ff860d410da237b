"""Scored rows that wait until the merged log has reached them, since only then all is known that is said of them.

A duplicate order or a pair of promotions is found where the partitions meet, when every partition's clock has passed
the order. A row leaves at that moment, with all verdicts on it: rows of a partition leave in the order of their
offsets, however the log was cut into batches. What waits is part of the state.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from features.state import State, gathered, part_of
from stream.scored_rows import ScoredRows, said_of

if TYPE_CHECKING:
    from models.verdict import Verdict


class HeldRows:
    """The rows of all partitions that have not been reached."""

    def __init__(self) -> None:
        """No row waits."""
        self._rows: list[ScoredRows] = []

    def add(self, rows: ScoredRows) -> None:
        """Keep the rows of a batch, at least one."""
        self._rows.append(rows)

    def release(self, upto_ms: int, verdicts: Sequence[Verdict]) -> list[ScoredRows]:
        """The rows before that event time, and what is said of them; `verdicts` were released up to there, too."""
        if not self._rows:
            return []
        due, self._rows = _split(self._rows, upto_ms)
        if not verdicts:
            return due
        on = defaultdict(list)
        for verdict in verdicts:
            on[verdict.partition].append(verdict)
        return [said_of(rows, on[rows.partition]) if rows.partition in on else rows for rows in due]

    def held(self, held: Mapping[int, int]) -> dict[int, int]:
        """Partition -> first offset that waits, be it here or as `held` says."""
        first = dict(held)
        for rows in self._rows:
            at = int(rows.offset[0])
            first[rows.partition] = min(at, first.get(rows.partition, at))
        return first

    def get_state(self) -> State:
        """The rows that wait."""
        return gathered({f"{number:06}": rows.get_state() for number, rows in enumerate(self._rows)})

    def set_state(self, state: State) -> None:
        """Have these rows wait."""
        names = sorted({name.partition("/")[0] for name in state})
        self._rows = [ScoredRows.from_state(part_of(state, name)) for name in names]


def _split(waiting: Sequence[ScoredRows], upto_ms: int) -> tuple[list[ScoredRows], list[ScoredRows]]:
    """The rows before `upto_ms`, and the rest."""
    due, rest = [], []
    for rows in waiting:
        if rows.clock_ms[-1] < upto_ms:
            due.append(rows)
        elif rows.clock_ms[0] >= upto_ms:
            rest.append(rows)
        else:
            cut = int(np.searchsorted(rows.clock_ms, upto_ms))
            due.append(rows.take(np.arange(cut)))
            rest.append(rows.take(np.arange(cut, len(rows))))
    return due, rest
