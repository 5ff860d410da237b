"""Orders, however they are given -> blocks of messages, as they would come from the stream.

A file of JSON lines (gzip by name), a Parquet file, anything that speaks Arrow (a pandas, polars or pyarrow table),
or an iterable of events: bytes, text, or dicts.
"""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import msgspec

if TYPE_CHECKING:
    import pyarrow as pa

Event = bytes | str | dict[str, Any]
BLOCK_EVENTS: Final = 20_000
_BLOCK_BYTES: Final = 16 << 20  # some 20,000 events: what a block costs beside its events is shared by many
_MESSAGE: Final = "value"
"""The column of a table that holds whole messages, as a dump of a Kafka topic has it."""
_BYTE_ORDER_MARK: Final = b"\xef\xbb\xbf"


@dataclass(slots=True)
class Source:
    """Blocks of messages, and how much of them has been read.

    `total` : bytes of the file or rows of the table; None where nobody knows. `done` : as much of it as was read.
    """

    blocks: Iterator[list[bytes]]
    total: int | None = None
    done: int = 0

    def __iter__(self) -> Iterator[list[bytes]]:
        """The blocks."""
        return self.blocks


def source_of(orders: Any) -> Source:
    """Find out what was given. Raises TypeError for what holds no events, OSError for a file that cannot be read."""
    if isinstance(orders, str | Path):
        path = Path(orders)
        return _parquet(path) if path.suffix == ".parquet" else _lines(path)
    if hasattr(orders, "__arrow_c_stream__"):
        return _arrow(orders)
    if isinstance(orders, Iterable) and not isinstance(orders, bytes | dict):
        return _iterable(orders)
    known = "a path, an Arrow-speaking table (pandas, polars, pyarrow) or an iterable of events"
    raise TypeError(f"orders is a {type(orders).__name__}; it may be {known}")


def _lines(path: Path) -> Source:
    with path.open("rb"):  # says at once what is wrong with it
        source = Source(iter(()), path.stat().st_size)
    source.blocks = _read_lines(path, source)
    return source


def _read_lines(path: Path, source: Source) -> Iterator[list[bytes]]:
    with path.open("rb") as raw:
        opened: IO[bytes] = gzip.GzipFile(fileobj=raw) if path.suffix == ".gz" else raw  # type: ignore[assignment]  # it reads as one
        rest, first = b"", True
        while block := opened.read(_BLOCK_BYTES):
            if first:
                block, first = block.removeprefix(_BYTE_ORDER_MARK), False
            *lines, rest = (rest + block).split(b"\n")
            source.done = raw.tell()
            yield _stripped(lines)
        yield _stripped([rest])


def _stripped(lines: list[bytes]) -> list[bytes]:
    """Without the carriage returns of other systems, and without blank lines."""
    if lines and lines[0].endswith(b"\r"):
        lines = [line.rstrip(b"\r") for line in lines]
    return list(filter(None, lines))


def _iterable(events: Iterable[Event]) -> Source:
    source = Source(iter(()), len(events) if hasattr(events, "__len__") else None)  # type: ignore[arg-type]  # just asked

    def blocks() -> Iterator[list[bytes]]:
        remaining = iter(events)
        while chunk := list(islice(remaining, BLOCK_EVENTS)):
            source.done += len(chunk)
            yield _messages(chunk)

    source.blocks = blocks()
    return source


def _messages(chunk: list[Event]) -> list[bytes]:
    """Events as messages; most often they are, and stay as they lie."""
    if set(map(type, chunk)) == {bytes}:
        return chunk  # type: ignore[return-value]  # just seen
    return [event if isinstance(event, bytes) else _encoded(event) for event in chunk]


def _encoded(event: str | dict[str, Any]) -> bytes:
    return event.encode() if isinstance(event, str) else msgspec.json.encode(event)


def _parquet(path: Path) -> Source:
    import pyarrow.parquet as pq

    file = pq.ParquetFile(path)
    source = Source(iter(()), file.metadata.num_rows)
    source.blocks = _of_tables(file.iter_batches(BLOCK_EVENTS), source)
    return source


def _arrow(table: Any) -> Source:
    import pyarrow as pa

    read = pa.table(table)
    source = Source(iter(()), read.num_rows)
    source.blocks = _of_tables(iter(read.to_batches(BLOCK_EVENTS)), source)
    return source


def _of_tables(batches: Iterator[pa.RecordBatch], source: Source) -> Iterator[list[bytes]]:
    for batch in batches:
        source.done += batch.num_rows
        if _MESSAGE in batch.schema.names:
            values = batch.column(_MESSAGE).to_pylist()
            yield [value if isinstance(value, bytes) else str(value).encode() for value in values]
        else:
            yield [msgspec.json.encode(_given(row)) for row in batch.to_pylist()]


def _given(value: Any) -> Any:
    """A row as an event: what is null was not given."""
    if isinstance(value, dict):
        return {name: _given(inner) for name, inner in value.items() if inner is not None}
    if isinstance(value, list):
        return [_given(inner) for inner in value]
    return value
