"""Cuts the arrays of a unit into slabs and says which of them have to be written.

What is compared is hashes, not bytes: 8 bytes are remembered of each 65,536, and 300 MB are looked through in about
50 ms. An array that grows keeps its first slabs. A changed slab is compressed as it lies, so nothing is copied: the
pause is about a millisecond for each megabyte that changed, and no second copy of the state is ever held.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from features.state import State
from stream.checkpoint.marker import I64, Inline, Key, Sliced, spoken
from stream.checkpoint.packed import packed
from stream.checkpoint.slab_hash import SLAB_BYTES, U64, bytes_of, slab_hashes

INLINE_BYTES: Final = 4096


@dataclass(slots=True)
class Cut:
    """A unit at one moment: what is new, and where all of it lies. `replaced`: objects that it no longer names."""

    inline: dict[str, Inline] = field(default_factory=dict)
    sliced: dict[str, Sliced] = field(default_factory=dict)
    objects: list[tuple[Key, bytes]] = field(default_factory=list)
    replaced: list[Key] = field(default_factory=list)
    nbytes: int = 0


class Cutter:
    """Remembers what was written of one unit in one epoch.

    >>> cutter = Cutter("0", epoch=1)
    >>> big = np.arange(20_000)
    >>> first = cutter.cut({"big": big, "small": np.arange(3)}, version=1)
    >>> cutter.keep(first)
    >>> big[-1] = 0
    >>> [str(key) for key, _ in cutter.cut({"big": big}, version=2).objects], len(first.objects)
    (['0/1/2/0'], 3)
    """

    def __init__(self, unit: str, epoch: int) -> None:
        """Nothing was written."""
        self._unit, self._epoch = unit, epoch
        self._written: dict[str, Sliced] = {}

    def cut(self, state: State, version: int) -> Cut:
        """What has to be written for this state to be there under `version`. Raises `ValueError` for objects."""
        cut = Cut()
        for name, array in state.items():
            if array.dtype.hasobject:
                raise ValueError(f"array {name} holds objects: only numbers can be kept")
            cut.nbytes += array.nbytes
            if array.nbytes <= INLINE_BYTES:
                cut.inline[name] = Inline(spoken(array.dtype), array.shape, array.tobytes())
            else:
                cut.sliced[name] = self._slice(name, array, version, cut)
        for name in self._written.keys() - cut.sliced.keys():
            self._replace(cut, *self._written[name].places)
        return cut

    def keep(self, cut: Cut) -> None:
        """Say that all of `cut` is written."""
        self._written = cut.sliced

    def _slice(self, name: str, array: NDArray[Any], version: int, cut: Cut) -> Sliced:
        data = bytes_of(array)
        hashes = slab_hashes(data)
        changed, versions, numbers = self._compared(name, hashes, cut)
        first = len(cut.objects)
        for number, slab in enumerate(changed.tolist(), first):
            value = packed(data[slab * SLAB_BYTES : (slab + 1) * SLAB_BYTES])
            cut.objects.append((Key(self._unit, self._epoch, version, number), value))
        versions[changed], numbers[changed] = version, np.arange(first, len(cut.objects))
        return Sliced(spoken(array.dtype), array.shape, versions.tobytes(), numbers.tobytes(), hashes.tobytes())

    def _compared(self, name: str, hashes: U64, cut: Cut) -> tuple[I64, I64, I64]:
        """The slabs that changed, and where each of them lay."""
        n = len(hashes)
        versions, numbers = np.zeros(n, np.int64), np.zeros(n, np.int64)
        before = self._written.get(name)
        if before is None:
            return np.arange(n), versions, numbers
        version, number, hash_ = *before.places, before.hash
        both = min(n, len(hash_))
        versions[:both], numbers[:both] = version[:both], number[:both]
        is_changed = np.ones(max(n, len(hash_)), np.bool_)
        is_changed[:both] = hashes[:both] != hash_[:both]
        gone = is_changed[: len(hash_)]
        self._replace(cut, version[gone], number[gone])
        return is_changed[:n].nonzero()[0], versions, numbers

    def _replace(self, cut: Cut, versions: I64, numbers: I64) -> None:
        places = zip(versions.tolist(), numbers.tolist(), strict=True)
        cut.replaced += [Key(self._unit, self._epoch, version, number) for version, number in places]


def state_bytes(cuts: Mapping[str, Cut]) -> int:
    """The size of all arrays, in bytes."""
    return sum(cut.nbytes for cut in cuts.values())
