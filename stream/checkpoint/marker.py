"""What stands in a changelog: the keys of objects and markers, and what a marker tells of one unit."""

from __future__ import annotations

import ast
from typing import Any, Final, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from stream.checkpoint.packed import PackedWrong, packed, unpacked
from stream.checkpoint.slab_hash import U64

I64 = NDArray[np.int64]

_MARKER: Final = "marker"
_PARTS: Final = 4


class Key(NamedTuple):
    """Where a record belongs: `number` counts the objects of a version, None is its marker.

    >>> str(Key("3", 1700000000000, 17, 4)), str(Key("3", 1700000000000, 17))
    ('3/1700000000000/17/4', '3/1700000000000/17/marker')
    """

    unit: str
    epoch: int
    version: int
    number: int | None = None

    def __str__(self) -> str:
        """As it stands in the changelog."""
        return f"{self.unit}/{self.epoch}/{self.version}/{_MARKER if self.number is None else self.number}"

    @classmethod
    def read(cls, key: bytes) -> Key:
        """A key of the changelog. Raises `ValueError` for a stranger's."""
        unit, epoch, version, number = key.decode().split("/")
        return cls(unit, int(epoch), int(version), None if number == _MARKER else int(number))


class Inline(msgspec.Struct, frozen=True, array_like=True):
    """A small array, whole."""

    dtype: str
    shape: tuple[int, ...]
    data: bytes


class Sliced(msgspec.Struct, frozen=True, array_like=True):
    """A large array: of each slab the version and number of the object that holds it, and its hash."""

    dtype: str
    shape: tuple[int, ...]
    versions: bytes
    numbers: bytes
    hashes: bytes

    @property
    def places(self) -> tuple[I64, I64]:
        """Version and number of each slab's object."""
        return np.frombuffer(self.versions, np.int64), np.frombuffer(self.numbers, np.int64)

    @property
    def hash(self) -> U64:
        """Hash of each slab."""
        return np.frombuffer(self.hashes, np.uint64)


class Marker(msgspec.Struct, frozen=True):
    """A unit at a checkpoint.

    `schema` : what shaped the state. `cut` : the units that were saved at the same moment; this one is of use only
    together with them. `offsets` : order partition -> the first offset that is not in the state.
    """

    schema: dict[str, str]
    epoch: int
    version: int
    cut: tuple[str, ...]
    offsets: dict[int, int]
    inline: dict[str, Inline]
    sliced: dict[str, Sliced]


class MarkerTorn(ValueError):
    """A marker that cannot be read."""


def spoken(dtype: np.dtype[Any]) -> str:
    """A dtype in words; those of rows with named fields too.

    >>> spoken(np.dtype("i8")), understood(spoken(np.dtype([("a", "f8", (2,))]))).names
    ("'<i8'", ('a',))
    """
    return repr(np.lib.format.dtype_to_descr(dtype))


def understood(words: str) -> np.dtype[Any]:
    """The dtype that was spoken."""
    return np.lib.format.descr_to_dtype(ast.literal_eval(words))


def written_marker(marker: Marker) -> bytes:
    """A marker as it stands in the changelog."""
    return packed(msgspec.msgpack.encode(marker))


def read_marker(value: bytes) -> Marker:
    """What was written. Raises `MarkerTorn`."""
    try:
        return msgspec.msgpack.decode(unpacked(value), type=Marker)
    except (PackedWrong, msgspec.DecodeError) as error:
        raise MarkerTorn(str(error)) from error
