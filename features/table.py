"""Columns of a batch -> a table that can be kept: one row an order, a line, a discount or an event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal

import numpy as np
import pyarrow as pa

from features.batch import I64, Batch
from features.event import EVENT_TYPES
from features.feature import Feature
from features.order_rows import order_rows
from features.text import Text

Rows = Literal["order", "line", "discount", "event"]
TIME: Final = pa.timestamp("ms", "UTC")
NAMING: Final = ("event_id", "order_id", "time", "partition", "offset")
"""Columns that say which order a row is about, and where in the log it was placed."""
HASH: Final = "feature_hash"
BEGAN: Final = "began"
"""First offset that the memory of the row's partition reaches back to: where a replay of it has to begin."""
_LEVELS: Final[Mapping[Rows, tuple[str, ...]]] = {
    "order": ("created", "line", "discount"),
    "line": ("line",),
    "discount": ("discount",),
    "event": ("event",),
}
_KINDS: Final = [str(event.__struct_config__.tag) for event in EVENT_TYPES]


def features_for(rows: Rows, features: Mapping[str, type[Feature]]) -> list[str]:
    """Names of the features that say something of such rows, sorted."""
    return sorted(name for name, feature in features.items() if feature.level in _LEVELS[rows])


def tabled(partition: int, batch: Batch, rows: Rows, names: Sequence[str], feature_hash: str) -> pa.RecordBatch:
    """The rows of one batch; values are those of the batch's columns, bit for bit."""
    at, order = events_of(batch, rows)
    columns: dict[str, Any] = {
        "event_id": arrow_text(batch.event_id.take(at)),
        "order_id": arrow_text(batch.order_id.take(at)),
        "time": pa.array(batch.time_ms[at], pa.int64()).cast(TIME),
        "partition": pa.array(np.full(len(at), partition, np.int32)),
        "offset": pa.array(batch.offset[at]),
    }
    columns |= _what(batch, rows, at, order)
    if rows == "order":
        x = order_rows(batch, names)
        columns |= {name: pa.array(np.ascontiguousarray(x[:, j])) for j, name in enumerate(names)}
    else:
        columns |= {name: pa.array(batch.columns[name].values) for name in names}
    columns[HASH] = constant(feature_hash, len(at))
    return pa.record_batch(columns)


def constant(text: str, n: int) -> pa.DictionaryArray:
    """The same text n times, kept once."""
    return pa.DictionaryArray.from_arrays(pa.array(np.zeros(n, np.int32)), pa.array([text]))


def arrow_text(text: Text) -> pa.Array:
    """A column of texts as Arrow's; none is made into a string of Python's unless JSON had to escape one."""
    packed = text if _is_packed(text) else text.packed()
    if (packed.data == ord("\\")).any():
        return pa.array(list(packed), pa.string())
    ends = np.zeros(len(packed) + 1, np.int32)
    np.cumsum(packed.length, out=ends[1:])
    return pa.StringArray.from_buffers(len(packed), pa.py_buffer(ends), pa.py_buffer(packed.data))


def _is_packed(text: Text) -> bool:
    """Whether the texts lie one behind the other from the start of their buffer, and nothing else does."""
    n = len(text)
    ends = text.start + text.length
    return (
        n > 0
        and int(ends[-1]) == len(text.data) == int(text.length.sum())
        and bool((text.start[1:] == ends[:-1]).all())
    )


def events_of(batch: Batch, rows: Rows) -> tuple[I64, I64]:
    """The event of each row, and its order's row in `batch.created` where that is a table of its own."""
    if rows == "event":
        return np.arange(len(batch)), np.zeros(0, np.int64)
    order = {
        "order": np.arange(len(batch.created)),
        "line": batch.lines.order,
        "discount": batch.discounts.order,
    }[rows]
    return batch.created.at[order], order


def _what(batch: Batch, rows: Rows, at: I64, order: I64) -> dict[str, pa.Array]:
    """What a row is about beside its order."""
    if rows == "event":
        codes = pa.array(batch.kind[at].astype(np.int32))
        return {"event_type": pa.DictionaryArray.from_arrays(codes, pa.array(_KINDS))}
    if rows == "line":
        return {"line": _within(order), "sku": arrow_text(batch.lines.sku), "product": arrow_text(batch.lines.product)}
    if rows == "discount":
        return {"discount": _within(order), "promotion": arrow_text(batch.discounts.promotion)}
    return {}


def _within(order: I64) -> pa.Array:
    """Number of each row within its order, from 0."""
    first = np.searchsorted(order, order, side="left")
    return pa.array((np.arange(len(order)) - first).astype(np.int32))
