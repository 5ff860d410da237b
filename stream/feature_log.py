"""What a worker saw of each order, as blocks of columns for a topic: features, scores, verdicts, and who says so.

A block is the sampled rows of one batch as an Arrow IPC stream. Whether a row is sampled depends on its event's id
alone, so that a batch judged twice gives the same rows; a row that raised a verdict is always kept.

Columns: event_id, order_id, time, partition, offset; `began` (the first offset that the partition's memory reaches
back to); a feature each; `score.<detector>` (calibrated; NaN where the detector works out no score); verdict_score
and verdict_kinds; feature_hash and versions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Final, NamedTuple

import numpy as np

from config.registry import discover
from features.feature import Feature
from features.fingerprint import COLUMNS, fingerprint
from features.state import State

if TYPE_CHECKING:
    import pyarrow as pa

    from config.settings import Settings
    from features.batch import F64, I64, Batch, Flag
    from models.verdict import Verdict
    from models.watch import Watch

SCORE: Final = "score."
VERDICT: Final = ("verdict_score", "verdict_kinds")
VERSIONS: Final = "versions"
_BITS: Final = 1 << 53


class Block(NamedTuple):
    """A message of the feature log. The key, the number of the orders partition, keeps its blocks in order."""

    key: bytes
    value: bytes


class FeatureLog:
    """Makes the blocks of one worker.

    Parameters
    ----------
    settings
        Which features are on, and `feature_log.sample`, the share of ordinary rows that is kept.
    versions
        Part -> version, of what may change between two deployments; orderwatch's own is added.
    """

    def __init__(self, settings: Settings, versions: Mapping[str, str] | None = None) -> None:
        """No partition has been read."""
        from features.table import features_for

        parts = discover(COLUMNS, Feature)
        self._names = features_for("order", {name: parts[name] for name, part in settings.features.items() if part.on})
        self._hash = fingerprint(settings.features)
        self._sample = settings.feature_log.sample
        self._began: dict[int, int] = {}
        self.versions = {"orderwatch": version("orderwatch")} | dict(versions or {})

    @classmethod
    def of(cls, settings: Settings) -> FeatureLog | None:
        """The log, if the settings turn it on."""
        return cls(settings) if settings.feature_log.on else None

    def blocks(
        self, partition: int, batch: Batch, watches: Sequence[Watch], verdicts: Sequence[Verdict]
    ) -> list[Block]:
        """The block of a batch that was just judged; none where no order of it is to be kept."""
        if len(batch):
            self._began.setdefault(partition, int(batch.offset[0]))
        if not len(batch.created):
            return []
        score, kinds = _verdicts_of(batch, verdicts)
        kept = (self._is_sampled(batch) | ~np.isnan(score)).nonzero()[0]
        if not len(kept):
            return []
        return [Block(b"%d" % partition, self._block(partition, batch, watches, score, kinds, kept))]

    def get_state(self) -> State:
        """Where each partition's memory begins: a worker that goes on from a state remembers as far back."""
        began = sorted(self._began.items())
        return {"began": np.array(began, np.int64).reshape(len(began), 2)}

    def set_state(self, state: State) -> None:
        """Go on with memories that reach back as far."""
        self._began = {int(partition): int(offset) for partition, offset in state["began"]}

    def _is_sampled(self, batch: Batch) -> Flag:
        bits = batch.event_id.hash[batch.created.at].view(np.uint64) >> np.uint64(11)
        return bits < np.uint64(self._sample * _BITS)

    def _block(
        self, partition: int, batch: Batch, watches: Sequence[Watch], score: F64, kinds: list[str], kept: I64
    ) -> bytes:
        import pyarrow as pa

        from features.table import BEGAN, HASH, constant, tabled

        rows = tabled(partition, batch, "order", self._names, self._hash)
        n = rows.num_rows
        columns = dict(zip(rows.schema.names, rows.columns, strict=True))
        feature_hash = columns.pop(HASH)
        columns |= {f"{SCORE}{watch.name}": pa.array(_scores_of(batch, watch)) for watch in watches}
        columns |= dict(zip(VERDICT, (pa.array(score), pa.array(kinds)), strict=True))
        columns |= {BEGAN: pa.array(np.full(n, self._began[partition])), HASH: feature_hash}
        columns[VERSIONS] = constant(json.dumps(self.versions, sort_keys=True), n)
        table = pa.record_batch(columns)
        return written(table if len(kept) == n else table.take(pa.array(kept)))


def written(rows: pa.RecordBatch) -> bytes:
    """Rows as an Arrow IPC stream of one batch."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, rows.schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as stream:
        stream.write_batch(rows)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]  # pyarrow has no types


def read_block(block: bytes) -> pa.Table:
    """The rows of a block. Raises `pyarrow.ArrowInvalid` for bytes that are none."""
    import pyarrow as pa

    with pa.ipc.open_stream(block) as stream:
        return stream.read_all()


def _order_of(batch: Batch, at: I64) -> tuple[I64, Flag]:
    """The row in `batch.created` of each event, and whether it has one: most events are about orders placed before."""
    row = np.minimum(np.searchsorted(batch.created.at, at), len(batch.created) - 1)
    return row, batch.created.at[row] == at


def _scores_of(batch: Batch, watch: Watch) -> F64:
    """The highest of a detector's scores of each order placed."""
    out = np.full(len(batch.created), np.nan)
    rows = (~np.isnan(watch.scores)).nonzero()[0]
    if len(rows):
        order, placed = _order_of(batch, watch.event(batch, rows))
        np.fmax.at(out, order[placed], watch.scores[rows[placed]])
    return out


def _verdicts_of(batch: Batch, verdicts: Sequence[Verdict]) -> tuple[F64, list[str]]:
    """The highest fused score of each order placed, NaN for an ordinary one, and the kinds that were found."""
    score = np.full(len(batch.created), np.nan)
    kinds: list[set[str]] = [set() for _ in range(len(batch.created))] if verdicts else []
    for verdict in verdicts:
        (order,), (placed,) = _order_of(batch, np.searchsorted(batch.offset, [verdict.offset]))
        at = int(batch.created.at[order])
        # a verdict on an order that became overdue stands at the event whose clock told: another order's
        if placed and batch.offset[at] == verdict.offset and batch.order_id[at] == verdict.order_id:
            score[order] = np.fmax(score[order], verdict.score)
            kinds[order].add(verdict.kind)
    return score, ["+".join(sorted(found)) for found in kinds] or [""] * len(score)
