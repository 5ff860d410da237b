"""Orders as they were scored: what a batch leaves for the feature log."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from features.state import State, gathered, part_of, read_back, written
from features.text import Text

if TYPE_CHECKING:
    from features.batch import F64, I64, Batch, Flag
    from models.verdict import Verdict
    from models.watch import Watch

RAW: Final = "raw."
SCORE: Final = "score."
_NUMBERS: Final = ("time_ms", "clock_ms", "offset", "features")
_NO_SCORES: Final = np.zeros(0)


class Sparse(NamedTuple):
    """A column that is NaN but in a few rows."""

    rows: I64
    values: F64


@dataclass(frozen=True, slots=True)
class ScoredRows:
    """The orders placed in one batch, in the order of their offsets. No message is held.

    `clock_ms` : the partition's clock at each. `raw` : column -> a value a row. `scores` : column -> its few values.
    `verdicts` : row -> highest fused score and kinds of what was found when it was placed.
    """

    partition: int
    began: int
    event_id: Text
    order_id: Text
    time_ms: I64
    clock_ms: I64
    offset: I64
    features: F64
    raw: dict[str, F64]
    scores: dict[str, Sparse]
    versions: str
    verdicts: dict[int, tuple[float, str]] = field(default_factory=dict)

    def __len__(self) -> int:
        """Orders."""
        return len(self.offset)

    def take(self, kept: I64) -> ScoredRows:
        """Some of the rows, in their order; all that have a verdict must be among them."""
        place = np.full(len(self), -1)
        place[kept] = np.arange(len(kept))
        return replace(
            self,
            event_id=self.event_id.take(kept).packed(),
            order_id=self.order_id.take(kept).packed(),
            **{name: getattr(self, name)[kept] for name in _NUMBERS},
            raw={name: values[kept] for name, values in self.raw.items()},
            scores={name: _moved(column, place) for name, column in self.scores.items()},
            verdicts={int(place[row]): said for row, said in self.verdicts.items()},
        )

    def get_state(self) -> State:
        """The rows as arrays, before anything is said of them."""
        sizes = {name: len(column.rows) for name, column in self.scores.items()}
        about = (self.partition, self.began, self.versions, list(self.raw), sizes)
        own = {name: getattr(self, name) for name in _NUMBERS} | {"about": written(about)}
        own["raw"] = np.array([*self.raw.values()]).reshape(len(self.raw), len(self))
        own["at"] = np.concatenate([np.zeros(0, np.int64), *(column.rows for column in self.scores.values())])
        own["scores"] = np.concatenate([np.zeros(0), *(column.values for column in self.scores.values())])
        texts = {"event_id": self.event_id.get_state(), "order_id": self.order_id.get_state()}
        return gathered({"own": own, **texts})

    @classmethod
    def from_state(cls, state: State) -> ScoredRows:
        """The rows that these arrays were."""
        own = part_of(state, "own")
        partition, began, versions, raw, sizes = read_back(
            own["about"], tuple[int, int, str, list[str], dict[str, int]]
        )
        ends = np.cumsum([*sizes.values()])[:-1]
        pieces = zip(np.split(own["at"], ends), np.split(own["scores"], ends), strict=True)
        return cls(
            partition=partition,
            began=began,
            event_id=Text.from_state(part_of(state, "event_id")),
            order_id=Text.from_state(part_of(state, "order_id")),
            time_ms=own["time_ms"],
            clock_ms=own["clock_ms"],
            offset=own["offset"],
            features=own["features"],
            raw=dict(zip(raw, own["raw"], strict=True)),
            scores={name: Sparse(*piece) for name, piece in zip(sizes, pieces, strict=False)},
            versions=versions,
        )


def raw_of(watches: Sequence[Watch]) -> dict[str, F64]:
    """The scores on their own scale of the detectors that have one."""
    return {f"{RAW}{watch.name}": watch.raw for watch in watches if watch.raw is not None}


def scores_of(batch: Batch, watches: Sequence[Watch]) -> dict[str, Sparse]:
    """The highest calibrated score of each detector of each order placed, of those that were worked out."""
    return {f"{SCORE}{watch.name}": _scores_of(batch, watch) for watch in watches}


def said_of(rows: ScoredRows, verdicts: Sequence[Verdict]) -> ScoredRows:
    """The rows with what is said of them by verdicts on their partition."""
    found: dict[int, tuple[float, set[str]]] = {}
    for verdict in verdicts:
        row = int(np.searchsorted(rows.offset, verdict.offset))
        # a verdict on an order that became overdue stands at the event whose clock told: another order's
        if row < len(rows) and rows.offset[row] == verdict.offset and rows.order_id[row] == verdict.order_id:
            score, kinds = found.get(row, (0.0, set()))
            found[row] = max(score, verdict.score), kinds | {verdict.kind}
    return replace(rows, verdicts={row: (score, "+".join(sorted(kinds))) for row, (score, kinds) in found.items()})


def _order_of(batch: Batch, at: I64) -> tuple[I64, Flag]:
    """The row in `batch.created` of each event, and whether it has one: most events are about orders placed before."""
    row = np.minimum(np.searchsorted(batch.created.at, at), len(batch.created) - 1)
    return row, batch.created.at[row] == at


def _scores_of(batch: Batch, watch: Watch) -> Sparse:
    rows = (watch.scores == watch.scores).nonzero()[0]  # what is no NaN, at half the price of isnan
    if not len(rows):
        return Sparse(rows, _NO_SCORES)
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
