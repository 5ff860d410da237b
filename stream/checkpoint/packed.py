"""Bytes as they lie in the changelog: compressed where that is worth it (LZ4, about a millisecond a megabyte)."""

from __future__ import annotations

from typing import Any, Final

import pyarrow as pa

_CODEC: Final = "lz4_raw"
_RAW: Final = b"\x00"
_LZ4: Final = b"\x01"
_SIZE_BYTES: Final = 4
_WORTH: Final = 0.9


class PackedWrong(ValueError):
    """Bytes that were not written by `packed`."""


def packed(data: Any) -> bytes:
    """The bytes of `data` (anything with a buffer), led by how they are written."""
    raw = memoryview(data)
    small = pa.compress(raw, codec=_CODEC, asbytes=True) if raw.nbytes else b""
    if raw.nbytes == 0 or len(small) > raw.nbytes * _WORTH:
        return _RAW + raw.tobytes()
    return b"".join((_LZ4, raw.nbytes.to_bytes(_SIZE_BYTES, "little"), small))


def unpacked(value: bytes) -> memoryview:
    """What was `packed`. Raises `PackedWrong`.

    >>> unpacked(packed(b"a" * 1000)) == b"a" * 1000, len(packed(b"a" * 1000)) < 100
    (True, True)
    """
    view = memoryview(value)
    if value[:1] == _RAW:
        return view[1:]
    size = int.from_bytes(view[1 : 1 + _SIZE_BYTES], "little")
    try:
        if value[:1] != _LZ4:
            raise PackedWrong(f"bytes begin with {value[:1]!r}")
        data = pa.decompress(view[1 + _SIZE_BYTES :], decompressed_size=size, codec=_CODEC)
    except (OSError, pa.ArrowException) as error:
        raise PackedWrong(str(error)) from error
    return memoryview(data)
