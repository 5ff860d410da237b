"""Text in JSON: where it stands, and 64 bits that stand for it.

The hash is 64 bits of the text's UTF-8 bytes: Murmur3's 64-bit mixing, a word a step, the last word filled up with
zeros, the length mixed in last. State on disk holds it: it may never change. A text that JSON must escape is hashed
as `msgspec.json.encode` writes it.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from features.wire.kernel import compiled, inlined
from features.wire.memory import Bytes, Ints, byte, put, word
from features.wire.quoted import ODD, QUOTE, place, stops, string

_SEED: Final = np.uint64(0x9E3779B97F4A7C15)
_ONE, _EIGHT, _64 = np.uint64(1), np.uint64(8), np.uint64(64)
_C1, _C2 = np.uint64(0x87C37B91114253D5), np.uint64(0x4CF5AD432745937F)
_F1, _F2 = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_FIVE, _ADDED = np.uint64(5), np.uint64(0x52DCE729)
_R27, _R31, _R33, _R37 = np.uint64(27), np.uint64(31), np.uint64(33), np.uint64(37)


@inlined
def mixed(h: np.uint64, read: np.uint64) -> np.uint64:
    """One step of the hash."""
    k = read * _C1
    k = ((k << _R31) | (k >> _R33)) * _C2
    h ^= k
    return ((h << _R27) | (h >> _R37)) * _FIVE + _ADDED


@inlined
def finished(h: np.uint64) -> np.uint64:
    """Murmur3's finalizer: each bit of h decides about half of the result's."""
    h = (h ^ (h >> _R33)) * _F1
    h = (h ^ (h >> _R33)) * _F2
    return h ^ (h >> _R33)


@inlined
def _hash(h: np.uint64, length: int) -> int:
    """The hash of a text of at least one byte: never 0."""
    done = np.int64(finished(h ^ np.uint64(length)))
    return done if done != 0 else 1  # type: ignore[return-value]  # compiled, the two are one


@inlined
def text(data: Bytes, i: int, checked: int, slots: Ints, at: int) -> int:
    """Read the text from byte i, behind its opening quote, into slots[at:at + 3]; where it goes on, or ODD."""
    start, h = i, _SEED
    read = word(data, i)
    marks = stops(read)
    while marks == 0:
        h = mixed(h, read)
        i += 8
        read = word(data, i)
        marks = stops(read)
    k = place(marks)
    i += k
    if byte(data, i) != QUOTE:
        return _escaped(data, start, i, slots, at) if checked else ODD
    if k:
        h = mixed(h, read & ((_ONE << (np.uint64(k) * _EIGHT)) - _ONE))
    length = i - start
    put(slots, at, start if length else 0)
    put(slots, at + 1, length)
    put(slots, at + 2, _hash(h, length) if length else 0)
    return i + 1


@compiled
def _escaped(data: Bytes, start: int, i: int, slots: Ints, at: int) -> int:
    end = string(data, i)
    if end == ODD:
        return ODD
    slots[at], slots[at + 1] = start, end - 1 - start
    slots[at + 2] = hash_text(data, start, end - 1 - start)
    return end


@compiled
def hash_text(data: Bytes, start: int, length: int) -> int:
    """64 bits of data[start:start + length]; 0 for the empty text alone."""
    if length <= 0:
        return 0
    h, read, shift = _SEED, np.uint64(0), np.uint64(0)
    for i in range(start, start + length):
        read |= np.uint64(byte(data, i)) << shift
        shift += _EIGHT
        if shift == _64:
            h = mixed(h, read)
            read, shift = np.uint64(0), np.uint64(0)
    if shift:
        h = mixed(h, read)
    return _hash(h, length)


def hash_of(text: str) -> int:
    """The hash that a scan gives this text, whichever way it was written.

    >>> hash_of(""), hash_of("CNY") == hash_of("CNY"), hash_of("CNY") == hash_of("JPY")
    (0, True, False)
    """
    raw = msgspec.json.encode(text)[1:-1]
    return int(hash_text(np.frombuffer(raw, np.uint8), 0, len(raw)))
