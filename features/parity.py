"""Whether two tables of features agree, bit for bit, and where they first do not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from features.table import BEGAN, HASH, NAMING

ROW: Final = ("partition", BEGAN, "offset")
"""What finds the same row in both: its place in the log, and how far back was remembered."""


@dataclass(frozen=True, slots=True)
class Difference:
    """The first row of a column that is not the same, and how many are not."""

    column: str
    rows: int
    partition: int
    offset: int
    event_id: str
    logged: Any
    replayed: Any


@dataclass(frozen=True, slots=True)
class Parity:
    """The outcome of a comparison.

    `rows` were compared, in `columns`. `missing` : rows of the log that the replay does not have. `unknown` : rows of
    which nobody knows where the memory behind them begins; nothing can be said of them, for or against.
    `hashes` : feature hashes of the log; `replayed_hash` : that of the code which replayed.
    """

    rows: int
    missing: int
    columns: tuple[str, ...]
    differences: tuple[Difference, ...]
    hashes: tuple[str, ...]
    replayed_hash: str
    unknown: int = 0

    @property
    def holds(self) -> bool:
        """Every row of the log that can be compared was found in the replay with the same bits."""
        return self.rows > 0 and not self.missing and not self.differences


def compared(logged: pa.Table, replayed: pa.Table) -> Parity:
    """Compare a log's rows with those of a replay; a row that only the replay has was not sampled.

    The same NaN is the same: bits are compared, not numbers.
    """
    at, found = _places(logged, replayed)
    mine, its = logged.take(found), replayed.take(at)
    columns = tuple(name for name in logged.schema.names if name in replayed.schema.names and name not in {*ROW, HASH})
    differences = [_difference(name, mine, its) for name in columns]
    return Parity(
        rows=len(at),
        missing=logged.num_rows - len(at),
        columns=tuple(name for name in columns if name not in NAMING),
        differences=tuple(difference for difference in differences if difference is not None),
        hashes=tuple(sorted(set(logged[HASH].unique().to_pylist()))),
        replayed_hash=str(replayed[HASH][0]) if replayed.num_rows else "",
    )


def _places(logged: pa.Table, replayed: pa.Table) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Rows of the replay, and the rows of the log that they are."""
    empty = [np.zeros(0, np.int64)]
    at, found = empty.copy(), empty.copy()
    theirs, mine = _by_memory(replayed), _by_memory(logged)
    for memory in theirs.keys() & mine.keys():
        rows, offset = theirs[memory]
        wanted, wanted_offset = mine[memory]
        place = np.minimum(np.searchsorted(offset, wanted_offset), len(offset) - 1)
        same = offset[place] == wanted_offset
        at.append(rows[place[same]])
        found.append(wanted[same])
    return np.concatenate(at), np.concatenate(found)


def _by_memory(table: pa.Table) -> dict[tuple[int, int], tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """(partition, began) -> rows in the order of their offsets, and these."""
    partition, began, offset = (table[name].to_numpy().astype(np.int64) for name in ROW)
    memories = set(zip(partition.tolist(), began.tolist(), strict=True))
    rows = {memory: ((partition == memory[0]) & (began == memory[1])).nonzero()[0] for memory in sorted(memories)}
    ordered = {memory: some[np.argsort(offset[some], kind="stable")] for memory, some in rows.items()}
    return {memory: (some, offset[some]) for memory, some in ordered.items()}


def _difference(name: str, logged: pa.Table, replayed: pa.Table) -> Difference | None:
    differs = (_bits(logged[name]) != _bits(replayed[name])).nonzero()[0]
    if not len(differs):
        return None
    first = int(differs[0])
    row = {column: logged[column][first].as_py() for column in ("partition", "offset", "event_id", name)}
    return Difference(
        name, len(differs), row["partition"], row["offset"], row["event_id"], row[name], replayed[name][first].as_py()
    )


def _bits(column: pa.ChunkedArray) -> NDArray[Any]:
    """What is compared: the bits of numbers and times, and texts as they are."""
    if pa.types.is_floating(column.type):
        return np.ascontiguousarray(column.to_numpy()).view(np.int64)
    if pa.types.is_timestamp(column.type):
        return np.asarray(column.cast(pa.int64()).to_numpy())
    return np.asarray(column.to_pylist() if pa.types.is_dictionary(column.type) else column.to_numpy())


def same_bits(one: pa.Table, other: pa.Table, *, but: Sequence[str] = ()) -> bool:
    """Whether two tables have the same columns and the same rows in the same order, NaN and all."""
    names = [name for name in one.schema.names if name not in but]
    if names != [name for name in other.schema.names if name not in but] or one.num_rows != other.num_rows:
        return False
    return all(bool((_bits(one[name]) == _bits(other[name])).all()) for name in names)
