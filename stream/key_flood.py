"""A flood of keys that were never seen: memory is bounded, so each pushes out what was learned of another.

Every key space forgets the least recently seen of its keys when it is full (`features.keys`). A product list that
turns over in an hour is no product list: a source makes up its keys, or `state.max_*` is far too small. Either
way features no longer know what is usual, so it is one alert a space and hour, about what judges orders, not orders.
"""

from __future__ import annotations

from dataclasses import astuple, dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from features.state import State, read_back, written
from models.verdict import Signal, Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from features.batch import I64, Batch
    from features.keys import Keys

PART: Final = "key_flood"
KIND: Final = "system.key_flood"
TITLE: Final = "So many keys never seen before that those known are forgotten within the hour"

_HOUR_MS: Final = 3_600_000
_SHARE: Final = 0.5
_LINE, _DISCOUNT = frozenset({"product", "seller"}), frozenset({"promotion"})
_CREATED: Final = frozenset({"channel", "client_version", "region", "currency"})


@dataclass(slots=True)
class _Count:
    """New keys of one space: ever, and in the present hour; whether this hour was told."""

    ever: int = 0
    hour: int = -1
    lately: int = 0
    told: bool = False


class KeyFlood:
    """Counts the new keys of one partition.

    Parameters
    ----------
    partition
        Its number.
    spaces
        Its key spaces.
    """

    def __init__(self, partition: int, spaces: Mapping[str, Keys]) -> None:
        """Start with empty spaces."""
        self._partition = partition
        watched = _LINE | _DISCOUNT | _CREATED
        self._capacity = {kind: space.capacity for kind, space in spaces.items() if kind in watched}
        self._counts = {kind: _Count() for kind in self._capacity}

    def look(self, batch: Batch) -> list[Verdict]:
        """Verdicts on the spaces of which half turned over within an hour of event time, at the event that did it."""
        found = []
        for kind, capacity in self._capacity.items():
            keyed = batch.keyed.get(kind)
            if keyed is None or not np.count_nonzero(keyed.fresh):
                continue
            at = _events(batch, kind, keyed.fresh.nonzero()[0])
            hours = batch.clock_ms[at] // _HOUR_MS
            for hour in dict.fromkeys(hours.tolist()):
                found += self._count(batch, kind, capacity, hour, at[hours == hour])
        return found

    def get_state(self) -> State:
        """The counts."""
        return {"counts": written({kind: astuple(count) for kind, count in self._counts.items()})}

    def set_state(self, state: State) -> None:
        """Go on from these counts."""
        counts = read_back(state["counts"], dict[str, tuple[int, int, int, bool]])
        self._counts |= {kind: _Count(*count) for kind, count in counts.items()}

    def _count(self, batch: Batch, kind: str, capacity: int, hour: int, at: I64) -> list[Verdict]:
        count = self._counts[kind]
        if hour != count.hour:
            count.hour, count.lately, count.told = hour, 0, False
        # the first new key that makes half a space in this hour, when the space has been full before
        place = max(int(capacity * _SHARE) - count.lately, capacity - count.ever)
        count.lately, count.ever = count.lately + len(at), count.ever + len(at)
        if count.told or place >= len(at):
            return []
        count.told, place = True, max(place, 0)
        new = count.lately - len(at) + place + 1
        return [self._verdict(batch, kind, float(new), capacity * _SHARE, int(at[place]))]

    def _verdict(self, batch: Batch, kind: str, new: float, most: float, at: int) -> Verdict:
        signal = Signal(PART, KIND, 1.0, 1.0, new, np.nan, most, is_rule=True, contribution=1.0)
        return Verdict(
            kind=KIND,
            score=1.0,
            entity_type="key_space",
            entity=kind,
            time_ms=int(batch.time_ms[at]),
            clock_ms=int(batch.clock_ms[at]),
            partition=self._partition,
            offset=int(batch.offset[at]),
            signals=(signal,),
        )


def _events(batch: Batch, kind: str, rows: I64) -> I64:
    """Positions of the events that rows of a key column belong to."""
    if kind in _CREATED:
        return batch.created.at[rows]
    order = batch.lines.order if kind in _LINE else batch.discounts.order
    return batch.created.at[order[rows]]
