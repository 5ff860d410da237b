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
    """A checkpoint that was read back. `offsets`: order partition -> where to read on."""

    schema: Mapping[str, str]
    epoch: int
    version: int
    offsets: dict[int, int]
    state: State


class Shelf:
    """The records of a changelog that still hold, by their keys."""

    def __init__(self) -> None:
        """Begin with none."""
        self._records: dict[Key, bytes] = {}
        self.epoch = 0
        """The greatest epoch that any record was of."""

    def put(self, key: bytes, value: bytes | None) -> None:
        """Take the next record of the changelog; one without a value deletes what is under its key."""
        try:
            read = Key.read(key)
        except ValueError:
            log.warning("the changelog holds a record that is not ours, under the key %r", key[:80])
            return
        self.epoch = max(self.epoch, read.epoch)
        if value is None:
            self._records.pop(read, None)
        else:
            self._records[read] = value

    @property
    def keys(self) -> Iterable[Key]:
        """Everything that was not deleted."""
        return self._records.keys()

    def newest(self, unit: str = MERGE) -> Saved | None:
        """The newest whole checkpoint of a unit, together with the units that were saved at the same moment.

        Newest is that of the greatest epoch, then version. One that is not whole was cut short by the end of its
        worker, or has been deleted by an older one, and the one before it counts.
        """
        markers = (key for key in self._records if key.number is None and key.unit == unit)
        for key in sorted(markers, key=lambda each: (each.epoch, each.version), reverse=True):
            try:
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
        return Saved(markers[first.unit].schema, first.epoch, first.version, offsets, state)

    def _state(self, unit: str, marker: Marker) -> State:
        small = {name: _whole(array) for name, array in marker.inline.items()}
        epoch = marker.epoch
        return small | {name: self._joined(unit, epoch, name, array) for name, array in marker.sliced.items()}

    def _joined(self, unit: str, epoch: int, name: str, sliced: Sliced) -> NDArray[Any]:
        array = np.empty(sliced.shape, understood(sliced.dtype))
        data = array.reshape(-1).view(np.uint8)
        versions, numbers = sliced.places
        for slab, (version, number) in enumerate(zip(versions.tolist(), numbers.tolist(), strict=True)):
            value = unpacked(self._value(Key(unit, epoch, version, number)))
            room = data[slab * SLAB_BYTES : (slab + 1) * SLAB_BYTES]
            if len(value) != len(room):
                raise NotWhole(f"slab {slab} of {name} has {len(value)} bytes, not {len(room)}")
            room[:] = np.frombuffer(value, np.uint8)
        if not np.array_equal(slab_hashes(data), sliced.hash):
            raise NotWhole(f"{name} is not what was written")
        return array

    def _value(self, key: Key) -> bytes:
        if key not in self._records:
            raise NotWhole(f"{key} is missing")
        return self._records[key]


def _whole(inline: Inline) -> NDArray[Any]:
    array: NDArray[Any] = np.frombuffer(inline.data, understood(inline.dtype)).reshape(inline.shape)
    return array
