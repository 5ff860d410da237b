"""The feature rows that were kept: a folder of Parquet by date and hour, read back into one DataFrame."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, time, timedelta
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, overload

if TYPE_CHECKING:
    import pyarrow as pa

Moment = str | date | datetime
Frame = Literal["pandas", "polars", "arrow"]
REPEATED: Final = ["feature_hash", "versions", "verdict_kinds"]
"""Columns of few different texts: kept as such, and read as such, which is most of the speed."""
_HOUR: Final = timedelta(hours=1)


@overload
def history(
    begin: Moment,
    end: Moment,
    *,
    path: str | Path | None = None,
    columns: Sequence[str] | None = None,
    filesystem: Any = None,
    frame: Literal["arrow"],
) -> pa.Table: ...
@overload
def history(
    begin: Moment,
    end: Moment,
    *,
    path: str | Path | None = None,
    columns: Sequence[str] | None = None,
    filesystem: Any = None,
    frame: Literal["pandas", "polars"] = "pandas",
) -> Any: ...
def history(
    begin: Moment,
    end: Moment,
    *,
    path: str | Path | None = None,
    columns: Sequence[str] | None = None,
    filesystem: Any = None,
    frame: Frame = "pandas",
) -> Any:
    """What workers wrote of the orders placed from `begin` until before `end`, as a DataFrame.

    Parameters
    ----------
    begin, end
        Dates or times, UTC where they name no zone: "2026-01-01", "2026-01-01T12:00".
    path
        The folder or address (s3://…) that `orderwatch archive` fills; else `feature_log.archive` says.
    columns
        Those wanted; fewer are quicker. By default all. Where a file has no such column its rows are null.
    filesystem
        An fsspec or pyarrow file system that `path` is in; by default the one of its address, or this machine's.
    frame
        "pandas" (its columns lie in Arrow's memory: nothing is copied), "polars", or "arrow" (a `pyarrow.Table`).

    Raises FileNotFoundError for a folder that is not there, ValueError for a time that is none, `ConfigRefused` where
    neither the caller nor the settings name a folder, ImportError where the frame's library is not installed.
    """
    import pyarrow as pa

    since, until = _instant(begin), _instant(end)
    folder, filesystem = _place(path, filesystem)
    tables = _read(_files(folder, since, until, filesystem), columns, filesystem)
    rows = pa.concat_tables(tables, promote_options="default") if tables else pa.table({})
    is_whole = not tables or (_is_hour(since) and _is_hour(until))
    return _framed(rows if is_whole else _between(rows, since, until), frame)


def _framed(rows: pa.Table, frame: Frame) -> Any:
    if frame == "arrow":
        return rows
    if frame == "polars":
        return import_module("polars").from_arrow(rows)
    return rows.to_pandas(types_mapper=import_module("pandas").ArrowDtype)


def _place(path: str | Path | None, filesystem: Any) -> tuple[str, Any]:
    """The folder, and the file system that it is in."""
    folder = str(_archive() if path is None else path)
    if filesystem is None and "://" in folder:
        import fsspec

        filesystem, folder = fsspec.core.url_to_fs(folder)
    return folder, filesystem


def _archive() -> str:
    from config.errors import ConfigRefused
    from config.settings import load

    archive = load().feature_log.archive
    if archive is None:
        raise ConfigRefused(
            "feature_log.archive is not set: name the folder or the address that is read, or give path="
        )
    return archive


def _instant(moment: Moment) -> datetime:
    """A time in UTC."""
    if isinstance(moment, str):
        moment = datetime.fromisoformat(moment)
    if not isinstance(moment, datetime):
        moment = datetime.combine(moment, time())
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


def _is_hour(moment: datetime) -> bool:
    return (moment.minute, moment.second, moment.microsecond) == (0, 0, 0)


def _files(path: str, since: datetime, until: datetime, filesystem: Any) -> list[str]:
    """The files of the hours asked for, in the order of their names."""
    from pyarrow.fs import FileSelector

    fs, first, last = _arrow_filesystem(filesystem), f"date={since:%Y-%m-%d}", f"date={until:%Y-%m-%d}"
    folders = sorted(info.path for info in fs.get_file_info(FileSelector(path)) if not info.is_file)
    return [
        file for folder in folders if first <= _name(folder) <= last for file in _files_of(fs, folder, since, until)
    ]


def _files_of(fs: Any, folder: str, since: datetime, until: datetime) -> list[str]:
    from pyarrow.fs import FileSelector

    found = fs.get_file_info(FileSelector(folder, recursive=True))
    files = sorted(info.path for info in found if info.is_file and info.base_name.endswith(".parquet"))
    return [file for file in files if not _name(file).startswith("_") and _overlaps(file, since, until)]


def _name(file: str) -> str:
    return file.rpartition("/")[2]


def _overlaps(file: str, since: datetime, until: datetime) -> bool:
    """Whether a file's hour touches the time asked for."""
    day, hour = (part.partition("=")[2] for part in file.split("/")[-3:-1])
    begins = datetime.fromisoformat(f"{day}T{hour}:00:00+00:00")
    return begins < until and begins + _HOUR > since


def _arrow_filesystem(filesystem: Any) -> Any:
    from pyarrow import fs

    if filesystem is None:
        return fs.LocalFileSystem()
    return filesystem if isinstance(filesystem, fs.FileSystem) else fs.PyFileSystem(fs.FSSpecHandler(filesystem))


def _read(files: list[str], columns: Sequence[str] | None, filesystem: Any) -> list[pa.Table]:
    """All files, as many at once as there are processors."""
    from concurrent.futures import ThreadPoolExecutor
    from functools import partial

    import pyarrow as pa

    read = partial(_read_file, columns=columns, filesystem=_arrow_filesystem(filesystem))
    with _small_pages(), ThreadPoolExecutor(pa.cpu_count()) as pool:
        return list(pool.map(read, files))


@contextmanager
def _small_pages() -> Iterator[None]:
    """Have Arrow take its memory in pages of 4 KiB, where it was built so that it can.

    Its usual allocator asks for pages of 2 MiB that nobody has used yet. On a virtual machine the host has to find
    each of them, which on a first read takes three times as long as the reading.
    """
    import pyarrow as pa

    usual = pa.default_memory_pool()
    if "jemalloc" in pa.supported_memory_backends():
        pa.set_memory_pool(pa.jemalloc_memory_pool())
    try:
        yield
    finally:
        pa.set_memory_pool(usual)


def _read_file(file: str, columns: Sequence[str] | None, filesystem: Any) -> pa.Table:
    import pyarrow.parquet as pq

    with filesystem.open_input_file(file) as opened:
        parquet = pq.ParquetFile(opened, read_dictionary=REPEATED)
        known = set(parquet.schema_arrow.names)
        wanted = None if columns is None else [name for name in columns if name in known]
        return parquet.read(wanted, use_threads=False).replace_schema_metadata(None)


def _between(rows: pa.Table, since: datetime, until: datetime) -> pa.Table:
    import pyarrow.compute as pc

    return rows.filter((pc.field("time") >= since) & (pc.field("time") < until))
