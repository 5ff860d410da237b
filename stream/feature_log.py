"""What a worker saw of each order, as blocks of columns for a topic: features, scores, verdicts, and who says so.

A block is the rows of some batches of one partition as an Arrow IPC stream. Whether a row is sampled depends on its
event's id alone, so that a batch judged twice gives the same rows. A row on which there is a verdict is always kept,
be it found in its partition or where the partitions meet: rows wait until that is known (`stream.held_rows`). What is
found later, when the order is paid or overdue, is about an event that has no row.

Columns: event_id, order_id, time, partition, offset; a feature each; `raw.<detector>` (the score on the detector's
own scale, of detectors that look at whole orders); `score.<detector>` (calibrated; NaN where it is below what counts
as abnormal, or there is none); verdict_score and verdict_kinds; `began` (the first offset that the partition's memory
reaches back to, -1 where that is not known), feature_hash and versions.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np

from config.registry import discover
from features.feature import Feature
from features.fingerprint import COLUMNS, fingerprint
from features.order_rows import order_rows
from features.state import State, gathered, part_of
from features.text import Text
from stream.held_rows import HeldRows
from stream.scored_rows import ScoredRows, raw_of, scores_of

if TYPE_CHECKING:
    import pyarrow as pa

    from config.settings import Settings
    from features.batch import I32, Batch, Flag
    from models.verdict import Verdict
    from models.watch import Watch

VERDICT: Final = ("verdict_score", "verdict_kinds")
VERSIONS: Final = "versions"
_BITS: Final = 1 << 53


class Block(NamedTuple):
    """A message of the feature log. The key, the number of the orders partition, keeps its blocks in order."""

    key: bytes
    value: bytes


class FeatureLog:
    """Makes the rows of one worker, and blocks of them.

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
        self._held = HeldRows()
        self.set_versions(versions or {})

    @classmethod
    def of(cls, settings: Settings, versions: Mapping[str, str]) -> FeatureLog | None:
        """The log, if the settings turn it on."""
        return cls(settings, versions) if settings.feature_log.on else None

    def set_versions(self, versions: Mapping[str, str]) -> None:
        """Say who scores from the next batch on."""
        self._versions = json.dumps({"orderwatch": version("orderwatch")} | dict(versions), sort_keys=True)

    def take(self, partition: int, began: int, batch: Batch, watches: Sequence[Watch]) -> None:
        """Keep the rows of a batch that was just judged until they are released; `began` : see `MemoryStart`."""
        at = batch.created.at
        if not len(at):
            return
        rows = ScoredRows(
            partition=partition,
            began=began,
            event_id=batch.event_id.take(at).packed(),
            order_id=batch.order_id.take(at).packed(),
            time_ms=batch.time_ms[at],
            clock_ms=batch.clock_ms[at],
            offset=batch.offset[at],
            features=order_rows(batch, self._names),
            raw=raw_of(watches),
            scores=scores_of(batch, watches),
            versions=self._versions,
        )
        self._held.add(rows)

    def release(self, upto_ms: int, verdicts: Sequence[Verdict]) -> list[ScoredRows]:
        """The rows to be logged that the merged log has reached; `verdicts` are all those released with them."""
        due = self._held.release(upto_ms, verdicts)
        return due if self._sample == 1.0 else [rows for rows in map(self._sampled, due) if len(rows)]

    def held(self, held: Mapping[int, int]) -> dict[int, int]:
        """Partition -> first offset that is not done, be it because a row waits here or as `held` says."""
        return self._held.held(held)

    def block(self, rows: Sequence[ScoredRows]) -> Block:
        """The block of some batches of one partition, in their order."""
        import pyarrow as pa

        return Block(b"%d" % rows[0].partition, _written(pa.record_batch(self._columns(rows))))

    def get_state(self) -> State:
        """The rows that wait."""
        return gathered({"held": self._held.get_state()})

    def set_state(self, state: State) -> None:
        """Go on with these; with none where no log was kept."""
        self._held.set_state(part_of(state, "held"))

    def _sampled(self, rows: ScoredRows) -> ScoredRows:
        bits = rows.event_id.hash.view(np.uint64) >> np.uint64(11)
        kept: Flag = bits < np.uint64(self._sample * _BITS)
        kept[list(rows.verdicts)] = True
        return rows.take(kept.nonzero()[0])

    def _columns(self, rows: Sequence[ScoredRows]) -> dict[str, Any]:
        """Names and order are those that `features.compute` gives, and then what was said of the rows."""
        import pyarrow as pa

        from features.table import BEGAN, HASH, TIME, arrow_text, constant

        n, x = sum(map(len, rows)), np.concatenate([some.features for some in rows])
        columns: dict[str, Any] = {
            "event_id": arrow_text(Text.join([some.event_id for some in rows])),
            "order_id": arrow_text(Text.join([some.order_id for some in rows])),
            "time": pa.array(np.concatenate([some.time_ms for some in rows]), pa.int64()).cast(TIME),
            "partition": np.full(n, rows[0].partition, np.int32),
            "offset": np.concatenate([some.offset for some in rows]),
        }
        columns |= {name: np.ascontiguousarray(x[:, j]) for j, name in enumerate(self._names)}
        columns |= _said(rows, n)
        columns[BEGAN] = np.repeat([some.began for some in rows], [len(some) for some in rows])
        columns[HASH] = constant(self._hash, n)
        columns[VERSIONS] = _repeated((some.versions, len(some)) for some in rows)
        return {
            name: pa.array(column) if isinstance(column, np.ndarray) else column for name, column in columns.items()
        }


def read_block(block: bytes) -> pa.Table:
    """The rows of a block. Raises `pyarrow.ArrowInvalid` for bytes that are none."""
    import pyarrow as pa

    with pa.ipc.open_stream(block) as stream:
        return stream.read_all()


def _written(rows: pa.RecordBatch) -> bytes:
    """Rows as an Arrow IPC stream of one batch."""
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(
        sink, rows.schema, options=pa.ipc.IpcWriteOptions(compression="lz4", use_threads=False)
    ) as stream:
        stream.write_batch(rows)
    return sink.getvalue().to_pybytes()  # type: ignore[no-any-return]  # pyarrow has no types


def _said(rows: Sequence[ScoredRows], n: int) -> dict[str, Any]:
    """Raw scores, calibrated scores and verdicts, as columns of all the rows."""
    columns = {name: np.full(n, np.nan) for some in rows for name in (*some.raw, *some.scores)}
    verdict, kinds, texts, begin = np.full(n, np.nan), np.zeros(n, np.int32), {"": 0}, 0
    for some in rows:
        for name, values in some.raw.items():
            columns[name][begin : begin + len(some)] = values
        for name, (at, values) in some.scores.items():
            if len(at):
                columns[name][begin + at] = values
        for row, (score, told) in some.verdicts.items():
            verdict[begin + row], kinds[begin + row] = score, texts.setdefault(told, len(texts))
        begin += len(some)
    return columns | dict(zip(VERDICT, (verdict, _coded(kinds, texts)), strict=True))


def _repeated(runs: Iterable[tuple[str, int]]) -> pa.DictionaryArray:
    """Texts, each so many times in a row, kept once each."""
    texts: dict[str, int] = {}
    codes, lengths = zip(*((texts.setdefault(text, len(texts)), n) for text, n in runs), strict=True)
    return _coded(np.repeat(np.array(codes, np.int32), lengths), texts)


def _coded(codes: I32, texts: Iterable[str]) -> pa.DictionaryArray:
    import pyarrow as pa

    return pa.DictionaryArray.from_arrays(pa.array(codes), pa.array(list(texts), pa.string()))
