"""What a changelog holds, and the newest checkpoint that is whole."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.state import State
from stream.checkpoint.marker import Inline, Key, Marker, MarkerTorn, Sliced, read_marker, understood
from stream.checkpoint.packed import PackedWrong, unpacked
from stream.checkpoint.slab_hash import SLAB_BYTES, slab_hashes
from stream.checkpoint.units import MERGE

log = logging.getLogger(__name__)


class NotWhole(LookupError):
    """Something that a checkpoint stands on is missing, or is not what was written."""


@dataclass(frozen=True, slots=True)
class Saved:
    """A checkpoint that was read back.

    `offsets` : order partition -> where to read on. `time_ms` : when it was written, by Kafka; 0 if that is not known.
    """

    schema: Mapping[str, str]
    epoch: int
    version: int
    offsets: dict[int, int]
    state: State
    time_ms: int


@dataclass(frozen=True, slots=True)
class _Joined:
    """An array put together, and where its slabs came from."""

    epoch: int
    sliced: Sliced
    array: NDArray[Any]

    @classmethod
    def of(cls, epoch: int, sliced: Sliced, before: _Joined | None) -> _Joined:
        """Room for it: that of `before`, where it has the same size."""
        dtype = understood(sliced.dtype)
        if before is not None and (before.array.dtype, before.array.shape) == (dtype, sliced.shape):
            return cls(epoch, sliced, before.array)
        joined = cls(epoch, sliced, np.empty(sliced.shape, dtype))
        if before is not None and before.epoch == epoch:
            both = min(joined.data.nbytes, before.data.nbytes)
            joined.data[:both] = before.data[:both]
        return joined

    @property
    def data(self) -> NDArray[np.uint8]:
        return self.array.reshape(-1).view(np.uint8)

    def missing(self, before: _Joined | None) -> list[int]:
        """The slabs that are not those of `before`: another object holds them, or they were shorter."""
        count = len(self.sliced.hash)
        if before is None or before.epoch != self.epoch:
            return list(range(count))
        whole = min(self.data.nbytes, before.data.nbytes) // SLAB_BYTES
        both = count if self.data.nbytes == before.data.nbytes else whole
        is_new = np.ones(count, np.bool_)
        is_new[:both] = np.any(
            [
                mine[:both] != theirs[:both]
                for mine, theirs in zip(self.sliced.places, before.sliced.places, strict=True)
            ],
            axis=0,
        )
        return np.flatnonzero(is_new).tolist()

    def fill(self, slab: int, value: memoryview) -> None:
        """Put a slab in its place. Raises `NotWhole`."""
        room = self.data[slab * SLAB_BYTES : (slab + 1) * SLAB_BYTES]
        if len(value) != len(room):
            raise NotWhole(f"slab {slab} has {len(value)} bytes, not {len(room)}")
        room[:] = np.frombuffer(value, np.uint8)


class Shelf:
    """The records of a changelog that still hold, by their keys.

    `keeps_arrays` : the state is put together again and again, each time from the slabs that changed since the last;
    the arrays that `newest` gave before are then overwritten. Without it each time is the first.
    """

    def __init__(self, *, keeps_arrays: bool = False) -> None:
        """Begin with none."""
        self._records: dict[Key, bytes] = {}
        self._times_ms: dict[Key, int] = {}  # of the markers
        self._kept: dict[tuple[str, str], _Joined] | None = {} if keeps_arrays else None
        self.epoch = 0
        """The greatest epoch that any record was of."""

    def put(self, key: bytes, value: bytes | None, time_ms: int = 0) -> None:
        """Take the next record of the changelog; one without a value deletes what is under its key."""
        try:
            read = Key.read(key)
        except ValueError:
            log.warning("the changelog holds a record that is not ours, under the key %r", key[:80])
            return
        self.epoch = max(self.epoch, read.epoch)
        if value is None:
            self._records.pop(read, None)
            self._times_ms.pop(read, None)
            return
        self._records[read] = value
        if read.number is None:
            self._times_ms[read] = time_ms

    @property
    def keys(self) -> Iterable[Key]:
        """Everything that was not deleted."""
        return self._records.keys()

    def newest(self, unit: str = MERGE, upto: int | None = None) -> Saved | None:
        """The newest whole checkpoint of a unit, together with the units that were saved at the same moment.

        Newest is that of the greatest epoch, then version. One that is not whole was cut short by the end of its
        worker, or has been deleted by an older one, and the one before it counts. `upto` : leave out those that cover
        input from this offset on.
        """
        markers = (key for key in self._records if key.number is None and key.unit == unit)
        for key in sorted(markers, key=lambda each: (each.epoch, each.version), reverse=True):
            try:
                if upto is None or max(read_marker(self._records[key]).offsets.values()) <= upto:
                    return self._read(key)
            except (NotWhole, MarkerTorn, PackedWrong) as why:
                log.warning("checkpoint %d of epoch %d is not whole: %s", key.version, key.epoch, why)
        return None

    def _read(self, first: Key) -> Saved:
        cut = read_marker(self._records[first]).cut
        markers = {unit: read_marker(self._value(first._replace(unit=unit))) for unit in cut}
        state: State = {}
        offsets: dict[int, int] = {}
        for unit, marker in markers.items():
            offsets |= marker.offsets
            state |= self._state(unit, marker)
        time_ms = self._times_ms.get(first, 0)
        return Saved(markers[first.unit].schema, first.epoch, first.version, offsets, state, time_ms)

    def _state(self, unit: str, marker: Marker) -> State:
        small = {name: _whole(array) for name, array in marker.inline.items()}
        return small | {name: self._joined(unit, marker.epoch, name, array) for name, array in marker.sliced.items()}

    def _joined(self, unit: str, epoch: int, name: str, sliced: Sliced) -> NDArray[Any]:
        before = None if self._kept is None else self._kept.pop((unit, name), None)
        joined = _Joined.of(epoch, sliced, before)
        versions, numbers = sliced.places
        for slab in joined.missing(before):
            key = Key(unit, epoch, int(versions[slab]), int(numbers[slab]))
            joined.fill(slab, unpacked(self._value(key)))
        if not np.array_equal(slab_hashes(joined.data), sliced.hash):
            raise NotWhole(f"{name} is not what was written")
        if self._kept is not None:
            self._kept[unit, name] = joined  # not before it is whole: what fails on the way is read from its slabs
        return joined.array

    def _value(self, key: Key) -> bytes:
        if key not in self._records:
            raise NotWhole(f"{key} is missing")
        return self._records[key]


def _whole(inline: Inline) -> NDArray[Any]:
    array: NDArray[Any] = np.frombuffer(inline.data, understood(inline.dtype)).reshape(inline.shape)
    return array
