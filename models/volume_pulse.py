"""The beat of a whole population of keys: what is expected of all together, as a clock to measure keys by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import numpy as np

from models.volume_findings import restored
from models.volume_seasonal import SeasonalVolume

if TYPE_CHECKING:
    from models.volume_findings import State, Tally

EXPECTATION, TOTAL = range(2)  # what the ring holds of a pane: both summed up from the start
PULSE_FIELDS: Final = 2
_MEMORY_PANES: Final = 4000
_NONE: Final = np.zeros(0, np.int64)


class Pulse:
    """Closes panes of the population's total, and keeps two clocks of the last panes.

    The first runs with what was expected of all keys together, hour of the week and all, untouched by odd
    panes; the second with what came. Where nothing is expected yet, in the first hours of a stream, what came
    stands in for it.

    Parameters
    ----------
    longest_panes
        How far back the clocks are read.
    pane_seconds, business_timezone
        As in `SeasonalVolume`.
    """

    def __init__(self, *, longest_panes: int, pane_seconds: int, business_timezone: str) -> None:
        """Start before any pane."""
        self._total = SeasonalVolume(
            pane_seconds=pane_seconds,
            windows_panes=(longest_panes,),
            business_timezone=business_timezone,
            remember_panes=max(_MEMORY_PANES, 2 * longest_panes),
        )
        self.ring = np.zeros((self._total.ring_panes, PULSE_FIELDS))
        self._chunk_panes = self._total.ring_panes - longest_panes - 1

    @property
    def closed(self) -> int:
        """The last pane closed."""
        return self._total.closed

    @property
    def is_awake(self) -> bool:
        """Whether the population has had an order in the last fortnight."""
        return self._total.is_awake(0)

    def next_chunk(self, upto: int, tally: Tally) -> tuple[int, int]:
        """First and last of the next panes to close together; first > `upto` when all is closed.

        Panes in which nothing can come any more are passed over: before the first order, and in a long
        silence. A chunk ends where such a silence begins, so that the clocks know all its panes.
        """
        first = min(self._total.next_busy(self.closed + 1, tally), upto + 1)
        if first > self.closed + 1:
            self._pass_over(first)
        return first, min(upto, first + min(self._chunk_panes, self._total.awake_panes(0)) - 1)

    def _pass_over(self, first: int) -> None:
        mask = len(self.ring) - 1
        passed = np.arange(max(self.closed + 1, first - len(self.ring)), first)
        self.ring[passed & mask] = self.ring[self.closed & mask]
        self._total.close(first - 1, _NONE, _NONE, _NONE)

    def close(self, first: int, last: int, tally: Tally) -> None:
        """Close the panes of a chunk, and let the clocks run on over them."""
        panes, start = np.unique(tally.panes, return_index=True)
        counts = np.add.reduceat(tally.counts, start) if len(panes) else tally.counts
        self._total.close(last, np.zeros_like(panes), panes, counts)
        came, expected = self._total.recent(0, first, last)
        clocks = np.stack([np.where(expected > 0.0, expected, came), came], axis=1)
        mask = len(self.ring) - 1
        clocks[0] += self.ring[(first - 1) & mask]
        self.ring[np.arange(first, last + 1) & mask] = np.cumsum(clocks, axis=0)

    def get_state(self) -> State:
        """Everything learned, as arrays: copies."""
        return {"pulse": self.ring.copy(), **self._total.get_state()}

    def set_state(self, state: State) -> None:
        """Go on from what `get_state` gave."""
        self._total.set_state(state)
        self.ring = restored({"pulse": self.ring}, state)["pulse"]
