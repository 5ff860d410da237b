"""Event files: JSON lines, plain or gzip by name, or standard input; never more than a line is held."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from stream.cli.ending import UnusableFile

STANDARD = Path("-")
_REST_BYTES = 1 << 20
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class LineFile:
    """The lines of an open file, without their ends; blank ones are passed over.

    Of a line longer than `max_bytes` only the first `max_bytes + 1` bytes are given: enough to know that it
    is too long.
    """

    def __init__(self, name: str, raw: IO[bytes], max_bytes: int) -> None:
        self._name = name
        self._raw = raw
        self._max_bytes = max_bytes
        packed = name.endswith(".gz")
        self._file = io.BufferedReader(gzip.GzipFile(fileobj=raw)) if packed else raw

    @property
    def position(self) -> int:
        """Bytes read of the file as it lies on the disk; of a pipe it is not known, and 0."""
        return self._raw.tell() if self._raw.seekable() else 0

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._lines()
        except (OSError, EOFError, zlib.error) as error:
            raise UnusableFile(f"{self._name}: cannot be read to its end: {error}") from error

    def _lines(self) -> Iterator[bytes]:
        longest = self._max_bytes + 1
        first = True
        while line := self._file.readline(longest + 2):
            if first:
                line, first = line.removeprefix(_BYTE_ORDER_MARK), False
            if not line.endswith(b"\n"):
                self._skip_rest()
            if line := line.strip(b"\r\n")[:longest]:
                yield line

    def _skip_rest(self) -> None:
        while (rest := self._file.readline(_REST_BYTES)) and not rest.endswith(b"\n"):
            pass


@contextmanager
def open_lines(path: Path, max_bytes: int) -> Iterator[LineFile]:
    """Open `path`, or standard input for `-`. Raises UnusableFile, in one line, when it cannot be read."""
    if path == STANDARD:
        yield LineFile("standard input", sys.stdin.buffer, max_bytes)
        return
    try:
        raw = path.open("rb")
    except OSError as error:
        raise UnusableFile(f"{path}: cannot be read: {error.strerror}") from error
    with raw:
        yield LineFile(str(path), raw, max_bytes)


@contextmanager
def open_output(path: Path) -> Iterator[IO[bytes]]:
    """Open `path` for writing (gzip by name), or standard output for `-`."""
    if path == STANDARD:
        yield sys.stdout.buffer
        return
    try:
        raw = path.open("wb")
    except OSError as error:
        raise UnusableFile(f"{path}: cannot be written: {error.strerror}") from error
    with raw:
        if path.suffix == ".gz":
            # neither name nor time in its head: the same events give the same bytes
            with io.BufferedWriter(gzip.GzipFile("", "wb", fileobj=raw, mtime=0)) as packed:
                yield packed
        else:
            yield raw
