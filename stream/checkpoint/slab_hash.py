"""A 64-bit hash of each slab of an array: has it changed since it was written, and is it what was written?

The rounds are those of xxHash64 (https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md): four lanes, so
that an array is hashed about as fast as memory is read. It finds faults and changes, not forgers.
"""

from __future__ import annotations

from typing import Any, Final

import numba
import numpy as np
from numpy.typing import NDArray

U64 = NDArray[np.uint64]
Bytes = NDArray[np.uint8]

SLAB_BYTES: Final = 65_536
_WORD: Final = 8
_SLAB_WORDS: Final = SLAB_BYTES // _WORD
_P1: Final = np.uint64(0x9E3779B185EBCA87)
_P2: Final = np.uint64(0xC2B2AE3D27D4EB4F)
_LEFT: Final = np.uint64(31)
_RIGHT: Final = np.uint64(33)
_HALF: Final = np.uint64(32)
_LANES: Final = 4


def slab_hashes(data: Bytes) -> U64:
    """The hash of each slab of `SLAB_BYTES` bytes; the last one may be shorter.

    >>> one = np.zeros(SLAB_BYTES + 3, np.uint8)
    >>> other = one.copy()
    >>> other[-1] = 1
    >>> (slab_hashes(one) == slab_hashes(other)).tolist()
    [True, False]
    """
    whole = len(data) // _WORD * _WORD
    words = data[:whole].view(np.uint64)
    if not words.flags.aligned:
        words = words.copy()
    tail = np.zeros(_WORD, np.uint8)
    tail[: len(data) - whole] = data[whole:]
    out = np.empty(slab_count(len(data)), np.uint64)
    _hash(words, tail.view(np.uint64)[0], len(data), out)
    return out


def slab_count(nbytes: int) -> int:
    """How many slabs so many bytes are cut into."""
    return -(-nbytes // SLAB_BYTES)


def bytes_of(array: NDArray[Any]) -> Bytes:
    """The bytes of an array, in C order; not copied where they lie so."""
    return np.ascontiguousarray(array).reshape(-1).view(np.uint8)


@numba.njit(cache=True, nogil=True)
def _round(lane: np.uint64, word: np.uint64) -> np.uint64:
    lane += word * _P2
    return ((lane << _LEFT) | (lane >> _RIGHT)) * _P1


@numba.njit(cache=True, nogil=True)
def _mixed(into: np.uint64, word: np.uint64) -> np.uint64:
    into = (into ^ word) * _P1
    return into ^ (into >> _HALF)


@numba.njit(cache=True, nogil=True)
def _hash(words: U64, tail: np.uint64, nbytes: int, out: U64) -> None:
    for slab in range(len(out)):
        i = slab * _SLAB_WORDS
        end = min(len(words), i + _SLAB_WORDS)
        a, b, c, d = _P1, _P2, np.uint64(1), _P1 ^ _P2
        while i + _LANES <= end:
            a = _round(a, words[i])
            b = _round(b, words[i + 1])
            c = _round(c, words[i + 2])
            d = _round(d, words[i + 3])
            i += _LANES
        sum_ = _mixed(_mixed(_mixed(_mixed(np.uint64(0), a), b), c), d)
        while i < end:
            sum_ = _mixed(sum_, words[i] * _P2)
            i += 1
        out[slab] = sum_
    if len(out):
        out[-1] = _mixed(_mixed(out[-1], tail), np.uint64(nbytes)) * _P2
