"""A place for files that are created once, whole, and never changed: a folder, or any address of fsspec's."""

from __future__ import annotations

import os
import secrets
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from models.package import ModelRefused

_UNFINISHED: Final = ".unfinished-"
_EXCLUSIVE: Final = frozenset({"s3", "s3a", "gs", "gcs", "memory"})
"""Protocols whose fsspec implementation leaves it to the server (here: to one lock) which of two writers is first."""


class Store(ABC):
    """Files by path, `/` between folders. `address` is how a person names it."""

    address: str

    @abstractmethod
    def read(self, path: str) -> bytes:
        """The whole file. Raises FileNotFoundError."""

    @abstractmethod
    def create(self, path: str, data: bytes) -> None:
        """Write the whole file, durably, or nothing. Raises FileExistsError where there is one of that name."""

    @abstractmethod
    def names(self, folder: str) -> list[str]:
        """Names of what lies in a folder, sorted; none where there is no such folder."""


class Folder(Store):
    """A folder of this machine, or one that it has mounted.

    A file is written under another name, brought to the disk, and then linked to its own name, which fails where
    there is one: the file system decides who is first. What a crash leaves over begins with `.unfinished-`, is
    seen by nobody, and may be removed.
    """

    def __init__(self, root: Path) -> None:
        """Nothing is made before the first file is."""
        self.address, self._root = str(root), root

    def read(self, path: str) -> bytes:
        """The whole file."""
        return (self._root / path).read_bytes()

    def create(self, path: str, data: bytes) -> None:
        """Link a finished file to its name."""
        target = self._root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished = target.parent / f"{_UNFINISHED}{secrets.token_hex(8)}"
        try:
            with unfinished.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.link(unfinished, target)
        finally:
            unfinished.unlink(missing_ok=True)
        for folder in (target.parent, *target.parent.parents[: len(Path(path).parts) - 1]):
            _bring_to_disk(folder)

    def names(self, folder: str) -> list[str]:
        """Names of what lies in a folder."""
        where = self._root / folder
        return sorted(found.name for found in where.iterdir() if found.name[0] != ".") if where.is_dir() else []


def _bring_to_disk(folder: Path) -> None:
    """A new name is durable once its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class Bucket(Store):
    """An object store behind fsspec, such as `s3://bucket/models`. Credentials are found by its own means."""

    def __init__(self, address: str, **options: Any) -> None:
        """Connect; `options` go to fsspec. Raises ModelRefused for an address that it does not know."""
        import fsspec

        try:
            self._files, root = fsspec.core.url_to_fs(address, use_listings_cache=False, **options)
        except (ValueError, ImportError) as error:
            raise ModelRefused(f"models.registry = {address!r}: {error}") from None
        self.address, self._root = address, root.rstrip("/")

    def read(self, path: str) -> bytes:
        """The whole object."""
        with _as_os_error(self.address):
            return bytes(self._files.cat_file(self._at(path)))

    def create(self, path: str, data: bytes) -> None:
        """Put the object on the condition that there is none."""
        try:
            with _as_os_error(self.address):
                self._files.pipe_file(self._at(path), data, mode="create")
        except OSError as error:
            if not self._is_there(path):
                raise
            self._unless_ours(path, data, error)

    def names(self, folder: str) -> list[str]:
        """Names below a prefix."""
        where = self._at(folder)
        try:
            with _as_os_error(self.address):
                found = self._files.ls(where, detail=False, refresh=True)
        except FileNotFoundError:
            return []
        names = (path.strip("/").removeprefix(where.strip("/")).strip("/") for path in found)
        return sorted({name for name in names if name and name[0] != "."})

    def _is_there(self, path: str) -> bool:
        with _as_os_error(self.address):
            return bool(self._files.exists(self._at(path)))

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}".rstrip("/")

    def _unless_ours(self, path: str, data: bytes, error: Exception) -> None:
        """A request that was repeated, since its answer was lost, finds what it wrote itself."""
        if self.read(path) != data:
            raise FileExistsError(f"{self.address}/{path} exists") from error


@contextmanager
def _as_os_error(address: str) -> Iterator[None]:
    """Each object store has errors of its own for a server that is away or a missing key."""
    try:
        yield
    except OSError:
        raise
    except Exception as error:
        raise OSError(f"{address}: {error}") from error


def open_store(address: str, **options: Any) -> Store:
    """The store at a path or an address.

    Raises ModelRefused for a protocol that cannot say which of two writers was first.
    """
    protocol, _, rest = address.partition("://")
    if not rest:
        return Folder(Path(address))
    if protocol in {"file", "local"}:
        return Folder(Path(rest))
    if protocol not in _EXCLUSIVE:
        raise ModelRefused(
            f"models.registry = {address!r}: {protocol} cannot say which of two promotions was first; "
            f"use a folder or one of {', '.join(sorted(_EXCLUSIVE))}"
        )
    return Bucket(address, **options)
