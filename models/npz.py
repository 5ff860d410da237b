"""State as the bytes of an .npz file and back: arrays of numbers, never an object.

The same state gives the same bytes, so that a file can be named by its hash. Any notebook reads such a file with
`numpy.load`.
"""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from features.state import State

_SUFFIX: Final = ".npy"
_WRITTEN: Final = (1980, 1, 1, 0, 0, 0)
"""The earliest moment that a zip file knows: when it was written would make every copy another file."""
_MOST_BYTES: Final = 1 << 30
"""A gigabyte: a state of ours has some megabytes; a few kilobytes of zip can unpack to all memory there is."""


def packed(state: Mapping[str, NDArray[Any]]) -> bytes:
    """Write a state. Raises ValueError naming an array that holds objects.

    >>> unpacked(packed({"counts": np.arange(3)}))
    {'counts': array([0, 1, 2])}
    """
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(state):
            if state[name].dtype.hasobject:
                raise ValueError(f"array {name!r} holds objects: those are not written, only numbers are")
            entry = io.BytesIO()
            np.lib.format.write_array(entry, np.asarray(state[name]), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(name + _SUFFIX, _WRITTEN), entry.getvalue())
    return out.getvalue()


def unpacked(data: bytes) -> State:
    """Read a state. Raises ValueError for what is no archive of plain arrays, and for one that unpacks to more.

    A pickle hidden in an array is refused, never run; so is an archive that would grow in memory.
    """
    try:
        _check_growth(data)
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            return {name: _array(arrays[name]) for name in arrays.files}
    except (zipfile.BadZipFile, ValueError, EOFError, OSError, KeyError, NotImplementedError) as error:
        raise ValueError(f"no .npz file of plain arrays ({error})") from None


def _check_growth(data: bytes) -> None:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        grown = sum(entry.file_size for entry in archive.infolist())
    if grown > _MOST_BYTES:
        raise ValueError(f"unpacks from {len(data)} bytes to {grown}, allowed are {_MOST_BYTES}")


def _array(found: object) -> NDArray[Any]:
    if not isinstance(found, np.ndarray):  # a member that is no .npy file comes back as its bytes
        raise ValueError("a member is no array")  # noqa: TRY004 - what the file holds, not what was passed
    return found
