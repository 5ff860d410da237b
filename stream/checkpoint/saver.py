"""What has to be written, and in what order, for a state to be safe. Knows of no Kafka.

A checkpoint goes through `begin` (the objects), `markers` (once all objects are acknowledged) and `end` (once all
markers are; it names what may be deleted), or through `fail`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from features.state import State
from stream.checkpoint.cutter import Cut, Cutter, state_bytes
from stream.checkpoint.marker import Key, Marker, written_marker
from stream.checkpoint.units import offsets_of, split

Records = list[tuple[Key, bytes]]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A state at one moment, on its way to be kept."""

    version: int
    offsets: Mapping[int, int]
    cuts: Mapping[str, Cut]

    @property
    def objects(self) -> Records:
        """What has to be written before the markers."""
        return [record for cut in self.cuts.values() for record in cut.objects]

    @property
    def state_bytes(self) -> int:
        """The size of the state, written or not."""
        return state_bytes(self.cuts)


class Saver:
    """Turns states into checkpoints of one epoch.

    Parameters
    ----------
    schema
        What shapes the state; another schema cannot read it.
    epoch
        Larger than any that was seen before.
    foreign
        What other epochs have left. It is deleted as soon as two of our own checkpoints are there.
    """

    def __init__(self, schema: Mapping[str, str], epoch: int, foreign: Iterable[Key] = ()) -> None:
        """Nothing was written in this epoch."""
        self.epoch = epoch
        self._schema = dict(schema)
        self._cutters: dict[str, Cutter] = {}
        self._version = 0
        self._foreign = list(foreign)
        self._last: list[Key] = []  # the last markers
        self._fading: list[Key] = []  # those before them, and the objects that only they name
        self._orphans: list[Key] = []  # written for a checkpoint that never came to be

    def begin(self, state: State, offsets: Mapping[int, int]) -> Checkpoint:
        """Look what has changed; the arrays may go on living as soon as this returns."""
        self._version += 1
        cuts = {unit: self._cutter(unit).cut(part, self._version) for unit, part in split(state).items()}
        return Checkpoint(self._version, dict(offsets), cuts)

    def markers(self, checkpoint: Checkpoint) -> Records:
        """What makes a checkpoint whose objects are all written count."""
        return [(key, written_marker(self._marker(key.unit, checkpoint))) for key in self._marker_keys(checkpoint)]

    def end(self, checkpoint: Checkpoint) -> list[Key]:
        """Say that the markers are written too; returns what may be deleted now."""
        dead = self._fading + self._orphans
        if self._last:
            dead, self._foreign = dead + self._foreign, []
        self._fading, self._orphans = self._last, []
        for unit, cut in checkpoint.cuts.items():
            self._cutter(unit).keep(cut)
            self._fading += cut.replaced
        self._last = self._marker_keys(checkpoint)
        return dead

    def fail(self, checkpoint: Checkpoint) -> None:
        """Say that something of it may not have been written: none of it is stood upon."""
        self._orphans += [key for key, _ in checkpoint.objects]
        self._orphans += self._marker_keys(checkpoint)

    def spare(self, dead: Iterable[Key]) -> None:
        """Say that these may not have been deleted: they come up again."""
        self._orphans += dead

    def _marker_keys(self, checkpoint: Checkpoint) -> list[Key]:
        return [Key(unit, self.epoch, checkpoint.version) for unit in checkpoint.cuts]

    def _marker(self, unit: str, checkpoint: Checkpoint) -> Marker:
        cut = checkpoint.cuts[unit]
        units, offsets = tuple(checkpoint.cuts), offsets_of(unit, checkpoint.offsets)
        return Marker(self._schema, self.epoch, checkpoint.version, units, offsets, cut.inline, cut.sliced)

    def _cutter(self, unit: str) -> Cutter:
        if unit not in self._cutters:
            self._cutters[unit] = Cutter(unit, self.epoch)
        return self._cutters[unit]
