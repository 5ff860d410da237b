"""Which partition an event goes to when it comes from a file: the choice that Kafka's producers make.

An event's key is its `order_id`, or its `sku` for `inventory.updated`; the partition is
`(murmur2(key) & 0x7fffffff) mod partitions`. A line with no key that can be read goes where its bytes hash
to, so that a replay sends it the same way each time.

Source: `org.apache.kafka.common.utils.Utils.murmur2`; Appleby, MurmurHash2 (2008).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numba
import numpy as np

from features.event import InventoryUpdated
from features.text import Text

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

_ESCAPE = ord("\\")
_STOCK = InventoryUpdated.__struct_config__.tag


class _Names(msgspec.Struct, gc=False):
    """Just what names an event; decoding skips the rest without building it."""

    event_type: str = ""
    order_id: str = ""
    sku: str = ""


class _Envelope(msgspec.Struct, gc=False):
    data: _Names


_names = msgspec.json.Decoder(_Names)
_envelope = msgspec.json.Decoder(_Envelope)


def key_of(value: bytes) -> bytes | None:
    """Kafka key of one event, plain or in a CloudEvent; None when it names nothing.

    >>> key_of(b'{"event_type": "order.created", "order_id": "o1", "line_items": [{"sku": "s1"}]}')
    b'o1'
    >>> key_of(b'{"event_type": "inventory.updated", "sku": "s1", "available": 3}')
    b's1'
    >>> key_of(b'{"order_id": 7}') is None
    True
    """
    try:
        names = _names.decode(value)
        if not names.event_type:
            names = _envelope.decode(value).data
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None
    key = names.sku if names.event_type == _STOCK else names.order_id
    return key.encode() or None


def partitions_of(keys: Sequence[bytes], partitions: int) -> NDArray[np.int64]:
    """Partition of each key, as Kafka's default partitioner chooses it.

    >>> partitions_of([b"o1", b"o2", b""], 4).tolist()
    [3, 2, 1]
    """
    ends = np.cumsum(np.fromiter(map(len, keys), np.int64, len(keys)))
    return _partitions(np.frombuffer(b"".join(keys), np.uint8), ends, partitions)


def partitions_of_texts(texts: Text, partitions: int) -> NDArray[np.int64]:
    """Partition of each key that stands in a message; -1 for one that JSON had to escape: `key_of` reads it.

    >>> partitions_of_texts(Text.of(["o1", "o2", 'o"3']), 4).tolist()
    [3, 2, -1]
    """
    return _partitions_of_texts(texts.data, texts.start, texts.length, partitions)


@numba.njit(cache=True)
def _partitions_of_texts(
    data: NDArray[np.uint8], start: NDArray[np.int64], length: NDArray[np.int64], partitions: int
) -> NDArray[np.int64]:
    chosen = np.empty(len(start), np.int64)
    for i in range(len(start)):
        key = data[start[i] : start[i] + length[i]]
        chosen[i] = (_murmur2(key) & 0x7FFFFFFF) % partitions
        for byte in key:
            if byte == _ESCAPE:
                chosen[i] = -1
    return chosen


@numba.njit(cache=True)
def _partitions(data: NDArray[np.uint8], ends: NDArray[np.int64], partitions: int) -> NDArray[np.int64]:
    chosen = np.empty(len(ends), np.int64)
    start = 0
    for i, end in enumerate(ends):
        chosen[i] = (_murmur2(data[start:end]) & 0x7FFFFFFF) % partitions
        start = end
    return chosen


@numba.njit(cache=True)
def _murmur2(key: NDArray[np.uint8]) -> np.int64:
    """32-bit MurmurHash2 with Kafka's seed; 64-bit arithmetic, cut to 32 bits after each product."""
    mask, mix = np.int64(0xFFFFFFFF), np.int64(0x5BD1E995)
    left = len(key)
    h = np.int64(0x9747B28C ^ left)
    at = 0
    while left >= 4:  # noqa: PLR2004  # bytes in a 32-bit word
        k = np.int64(key[at]) | np.int64(key[at + 1]) << 8
        k |= np.int64(key[at + 2]) << 16 | np.int64(key[at + 3]) << 24
        k = (k * mix) & mask
        k = ((k ^ (k >> 24)) * mix) & mask
        h = ((h * mix) & mask) ^ k
        at, left = at + 4, left - 4
    if left:
        for i in range(left):
            h ^= np.int64(key[at + i]) << (8 * i)
        h = (h * mix) & mask
    h = ((h ^ (h >> 13)) * mix) & mask
    return h ^ (h >> 15)
