"""Blocks of feature rows -> Parquet files by date and hour, each row in exactly one of them.

A range of offsets of one topic partition becomes one file an hour of its rows, named by that range:

    date=2026-01-01/hour=09/orderwatch.features.v1-00002-00000000000000000100-00000000000000000199.parquet

Each file is written under a name that no reader looks at, then renamed; when all files of a range stand, the range's
end may be committed. So the names are the truth of what has landed: after a crash the last range that has any file
is landed again, with the same bounds and the same names, and what follows it goes on from there. A commit that was
lost, or a crash between two renames, changes no file.

A worker that died before its commit judges some orders again, and writes their rows again. What the archive has of
an orders partition it knows by the last offset (kept in each file), and leaves out what comes a second time.
"""

from __future__ import annotations

import json
import logging
import os
import re
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from features.history import REPEATED
from stream.feature_log import read_block

if TYPE_CHECKING:
    import pyarrow as pa

log = logging.getLogger(__name__)

_HOUR_MS: Final = 3_600_000
_LOOKED_AT: Final = 2_000
_SYNCS_AT_ONCE: Final = 16  # a disk makes many writes safe in about the time of one
_REPEATS: Final = 10  # times that a value comes, on average
_RANGE: Final = re.compile(r"-(\d{20})-(\d{20})\.parquet$")
_BEFORE, _AFTER = b"orderwatch.before", b"orderwatch.after"
"""Orders partition -> last offset that had landed, before and after a range; in the metadata of its files."""


@dataclass(slots=True)
class _Open:
    """What is being collected of one topic partition.

    `position` : the offset that comes next, None while any may. `until` : the bound of a range that has to be landed
    again. `seen` : orders partition -> last offset that has landed. `first` : offset of the first block collected.
    """

    position: int | None
    until: int | None = None
    seen: dict[int, int] = field(default_factory=dict)
    first: int | None = None
    blocks: list[bytes] = field(default_factory=list)


class Archive:
    """Lands the blocks of some topic partitions.

    Parameters
    ----------
    url
        A folder, or any address that fsspec knows: s3://bucket/features.
    topic
        Whose blocks these are; part of every file's name.
    """

    def __init__(self, url: str, topic: str) -> None:
        """Nothing is assigned. Raises ImportError, naming the package, for an address that needs one more."""
        import fsspec

        self._fs, root = fsspec.core.url_to_fs(url)
        self._root, self._topic = str(root).rstrip("/"), topic
        self._open: dict[int, _Open] = {}
        self.repeated_rows = 0

    def assign(self, partition: int, committed: int | None, earliest: int = 0) -> int | None:
        """Take a partition over; returns the offset to read from, None for the first there is.

        `committed` is what the group knows, if anything; `earliest` the first offset that the topic still holds.
        """
        self._remove_unfinished(partition)
        ranges = sorted({_range_of(file) for file in self._files(partition)})
        newest = ranges[-1] if ranges else None
        if newest is None or (committed is not None and committed > newest[1]):
            start, until = committed, None
            seen = self._seen(partition, newest, _AFTER)
        else:
            (start, until), seen = newest, self._seen(partition, newest, _BEFORE)
        if start is not None and start < earliest:
            lost = "%s %d: offsets %d to %d were deleted before they landed; raise the topic's retention.ms"
            log.warning(lost, self._topic, partition, start, earliest - 1)
            start, until, seen = earliest, None, self._seen(partition, newest, _AFTER)
        self._open[partition] = _Open(start, until, seen)
        return start

    def revoke(self, partition: int) -> None:
        """Forget a partition, and what was collected of it: its next owner reads it again."""
        self._open.pop(partition, None)

    def expects(self, partition: int, offset: int) -> bool:
        """Whether a message is the next one: nothing was left out before it, and it has not come already."""
        mine = self._open.get(partition)
        return mine is not None and (mine.position is None or offset == mine.position)

    def add(self, partition: int, offset: int, block: bytes) -> bool:
        """Collect one message; returns whether its range is complete and must land before the next one is added."""
        mine = self._open[partition]
        mine.first = offset if mine.first is None else mine.first
        mine.position = offset + 1
        mine.blocks.append(block)
        return mine.until is not None and offset >= mine.until

    def waiting(self, partition: int) -> int:
        """Bytes collected that have not landed; 0 while a range that has to land again is not complete."""
        mine = self._open.get(partition)
        if mine is None:
            return 0
        is_short = mine.until is not None and (mine.position is None or mine.position <= mine.until)
        return 0 if is_short else sum(map(len, mine.blocks))

    def land(self, partition: int) -> int:
        """Write all that was collected of a partition; returns the offset that may now be committed.

        Raises OSError where there is no room, say; whoever has the partition assigned anew goes on from there.
        """
        mine = self._open[partition]
        if mine.first is None or mine.position is None:
            raise ValueError(f"nothing of partition {partition} waits to land")
        bounds = (mine.first, mine.position - 1)
        before, after = dict(mine.seen), dict(mine.seen)
        rows = self._rows(mine.blocks, after)
        if rows is not None and rows.num_rows:
            told = {_BEFORE: _told(before), _AFTER: _told(after)}
            self._write(rows.replace_schema_metadata(told), partition, bounds)
        self._open[partition] = _Open(mine.position, seen=after)
        return mine.position

    def _rows(self, blocks: Sequence[bytes], seen: dict[int, int]) -> pa.Table | None:
        """The rows of some blocks, without those that have been seen."""
        import pyarrow as pa

        tables = [self._new(table, seen) for table in map(_read, blocks) if table is not None]
        return pa.concat_tables(tables, promote_options="default") if tables else None

    def _new(self, table: pa.Table, seen: dict[int, int]) -> pa.Table:
        """A block's rows behind the last offset of their orders partition; a block is of one partition."""
        partition, offset = int(table["partition"][0].as_py()), table["offset"].to_numpy()
        first = int(np.searchsorted(offset, seen.get(partition, -1), side="right"))
        self.repeated_rows += first
        seen[partition] = max(seen.get(partition, -1), int(offset[-1]))
        return table.slice(first)

    def _write(self, rows: pa.Table, partition: int, bounds: tuple[int, int]) -> None:
        """Write a file an hour under another name, and rename them when all are written."""
        name = f"{self._topic}-{partition:05d}-{bounds[0]:020d}-{bounds[1]:020d}.parquet"
        try:
            for unfinished, final in self._written(rows, name):
                self._fs.mv(unfinished, final)
        except OSError as error:
            with suppress(OSError):
                self._remove_unfinished(partition)  # or what nobody reads would fill a full disk
            raise OSError(
                f"{self._root}: cannot be written: {error.strerror or error}; make room or mend it, or name another "
                "place in feature_log.archive: the same command goes on from there, and nothing is lost"
            ) from error

    def _written(self, rows: pa.Table, name: str) -> list[tuple[str, str]]:
        """Write the files, and have all of them safe; returns what each is called, and what it is to be called."""
        import pyarrow.parquet as pq

        names, safe = list[tuple[str, str]](), list[Future[None]]()
        with ThreadPoolExecutor(_SYNCS_AT_ONCE) as pool, ExitStack() as opened:
            for folder, some in _by_hour(rows):
                self._fs.makedirs(f"{self._root}/{folder}", exist_ok=True)
                names.append((f"{self._root}/{folder}/_{name}", f"{self._root}/{folder}/{name}"))
                file = opened.enter_context(self._fs.open(names[-1][0], "wb"))
                pq.write_table(
                    some, file, compression="lz4", use_dictionary=_repeating(some), write_statistics=["time", "offset"]
                )
                safe.append(pool.submit(_to_disk, file))
            for each in safe:
                each.result()
        return names

    def _files(self, partition: int, prefix: str = "") -> list[str]:
        pattern = f"{self._root}/date=*/hour=*/{prefix}{self._topic}-{partition:05d}-*.parquet"
        return sorted(file for file in map(str, self._fs.glob(pattern)) if _RANGE.search(file))

    def _remove_unfinished(self, partition: int) -> None:
        for file in self._files(partition, "_"):
            self._fs.rm_file(file)

    def _seen(self, partition: int, bounds: tuple[int, int] | None, when: bytes) -> dict[int, int]:
        """Orders partition -> last offset landed, as a file of the range tells."""
        import pyarrow.parquet as pq

        if bounds is None:
            return {}
        file = next(file for file in self._files(partition) if _range_of(file) == bounds)
        with self._fs.open(file, "rb") as opened:
            told = pq.read_schema(opened).metadata or {}
        return {int(number): int(last) for number, last in json.loads(told.get(when, b"{}")).items()}


def _range_of(file: str) -> tuple[int, int]:
    found = _RANGE.search(file)
    assert found is not None, "only files with a range are listed"
    return int(found[1]), int(found[2])


def _told(seen: dict[int, int]) -> bytes:
    return json.dumps(seen, sort_keys=True).encode()


def _read(block: bytes) -> pa.Table | None:
    """A block's rows; a message that is no block must not stop the archive, and is said to have been left out."""
    import pyarrow as pa

    try:
        table = read_block(block)
    except (pa.ArrowInvalid, OSError) as error:
        log.warning("a message of %d bytes is no block of feature rows and is left out: %s", len(block), error)
        return None
    return table if table.num_rows else None


def _by_hour(rows: pa.Table) -> Iterator[tuple[str, pa.Table]]:
    """Folder -> its rows, in the order they came."""
    import pyarrow as pa

    hour = rows["time"].cast(pa.int64()).to_numpy() // _HOUR_MS
    for one in np.unique(hour).tolist():
        began = str(np.datetime64(one * _HOUR_MS, "ms"))
        some = rows.take(pa.array((hour == one).nonzero()[0])) if (hour != one).any() else rows
        yield f"date={began[:10]}/hour={began[11:13]}", some.combine_chunks()


def _repeating(rows: pa.Table) -> list[str]:
    """Columns of few different values, such as scores that most orders lack: as codes they are read more quickly."""
    first = rows.slice(0, _LOOKED_AT)
    few = (name for name in rows.schema.names if len(first[name].unique()) * _REPEATS <= len(first))
    return sorted({*REPEATED, *few})


def _to_disk(file: Any) -> None:
    """Where it is a file of this machine, have it outlive a loss of power before its name does."""
    try:
        number = file.fileno()
    except (AttributeError, OSError):
        return
    file.flush()
    os.fsync(number)
