"""Orders as they were scored: what a batch leaves for the feature log once it has been judged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from features.batch import F64, I64, Batch, Flag
    from features.text import Text
    from models.verdict import Verdict
    from models.watch import Watch

RAW: Final = "raw."
SCORE: Final = "score."


class Sparse(NamedTuple):
    """A column that is NaN but in a few rows."""

    rows: I64
    values: F64


@dataclass(frozen=True, slots=True)
class ScoredRows:
    """The orders placed in one batch, in the order of their offsets. Once packed, no message is held.

    `raw` : column -> a value a row. `scores` : column -> its few values. `verdicts` : row -> score and kinds.
    """

    partition: int
    began: int
    event_id: Text
    order_id: Text
    time_ms: I64
    offset: I64
    features: F64
    raw: dict[str, F64]
    scores: dict[str, Sparse]
    verdicts: dict[int, tuple[float, str]]
    versions: str

    def __len__(self) -> int:
        """Orders."""
        return len(self.offset)

    def take(self, kept: I64) -> ScoredRows:
        """Some of the rows, in their order; all that have a verdict must be among them."""
        place = np.full(len(self), -1)
        place[kept] = np.arange(len(kept))
        return replace(
            self,
            event_id=self.event_id.take(kept),
            order_id=self.order_id.take(kept),
            time_ms=self.time_ms[kept],
            offset=self.offset[kept],
            features=self.features[kept],
            raw={name: values[kept] for name, values in self.raw.items()},
            scores={name: _moved(column, place) for name, column in self.scores.items()},
            verdicts={int(place[row]): said for row, said in self.verdicts.items()},
        )

    def packed(self) -> ScoredRows:
        """The same with texts of its own, so that the messages can go."""
        return replace(self, event_id=self.event_id.packed(), order_id=self.order_id.packed())


def raw_of(watches: Sequence[Watch]) -> dict[str, F64]:
    """The scores on their own scale of the detectors that have one."""
    return {f"{RAW}{watch.name}": watch.raw for watch in watches if watch.raw is not None}


def scores_of(batch: Batch, watches: Sequence[Watch]) -> dict[str, Sparse]:
    """The highest calibrated score of each detector of each order placed, of those that were worked out."""
    return {f"{SCORE}{watch.name}": _scores_of(batch, watch) for watch in watches}


def verdicts_of(batch: Batch, verdicts: Sequence[Verdict]) -> dict[int, tuple[float, str]]:
    """The highest fused score of each order placed that was found abnormal, and the kinds that were found."""
    found: dict[int, tuple[float, set[str]]] = {}
    for verdict in verdicts:
        (order,), (placed,) = _order_of(batch, np.searchsorted(batch.offset, [verdict.offset]))
        at = int(batch.created.at[order])
        # a verdict on an order that became overdue stands at the event whose clock told: another order's
        if placed and batch.offset[at] == verdict.offset and batch.order_id[at] == verdict.order_id:
            score, kinds = found.get(int(order), (0.0, set()))
            found[int(order)] = max(score, verdict.score), kinds | {verdict.kind}
    return {row: (score, "+".join(sorted(kinds))) for row, (score, kinds) in found.items()}


def _order_of(batch: Batch, at: I64) -> tuple[I64, Flag]:
    """The row in `batch.created` of each event, and whether it has one: most events are about orders placed before."""
    row = np.minimum(np.searchsorted(batch.created.at, at), len(batch.created) - 1)
    return row, batch.created.at[row] == at


def _scores_of(batch: Batch, watch: Watch) -> Sparse:
    rows = (watch.scores == watch.scores).nonzero()[0]  # what is no NaN, at half the price of isnan
    if not len(rows):
        return Sparse(rows, watch.scores[:0])
    order, placed = _order_of(batch, watch.event(batch, rows))
    different, place = np.unique(order[placed], return_inverse=True)
    highest = np.full(len(different), -np.inf)
    np.maximum.at(highest, place, watch.scores[rows[placed]])
    return Sparse(different, highest)


def _moved(column: Sparse, place: I64) -> Sparse:
    """The column after rows were left out: `place` is where each is now, -1 where it is not kept."""
    if not len(column.rows):
        return column
    now = place[column.rows]
    return Sparse(now[now >= 0], column.values[now >= 0])
