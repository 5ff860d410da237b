"""Where a worker's memory of each partition begins: what it has learned is of that offset and all that follow.

A replay that is to give the same features has to begin there. It is kept with the state, whether rows are logged or
not, so that a log that is turned on later says it, too.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

if TYPE_CHECKING:
    from features.batch import Batch
    from features.state import State

UNKNOWN: Final = -1
"""A memory that was kept before this was."""


class MemoryStart:
    """First offset that was read of each partition.

    Parameters
    ----------
    partitions
        How many the log has.
    """

    def __init__(self, partitions: int) -> None:
        """Nothing has been read."""
        self._partitions = partitions
        self._began: dict[int, int] = {}

    def see(self, partition: int, batch: Batch) -> None:
        """Take down the first event of a partition."""
        if partition not in self._began and len(batch):
            self._began[partition] = int(batch.offset[0])

    def __getitem__(self, partition: int) -> int:
        """The offset of a partition that something was read of; UNKNOWN where nobody has kept it."""
        return self._began[partition]

    def get_state(self) -> State:
        """Partitions and their offsets."""
        began = sorted(self._began.items())
        return {"began": np.array(began, np.int64).reshape(len(began), 2)}

    def set_state(self, state: State) -> None:
        """Go on from a state."""
        self._began = dict(state["began"].tolist())

    def restored(self, clock_ms: int) -> None:
        """All else that was learned is back, too: if that is something, somebody has read it."""
        if clock_ms and not self._began:
            self._began = dict.fromkeys(range(self._partitions), UNKNOWN)
