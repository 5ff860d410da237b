"""What is between the fetch and its mark, and which offsets may be committed for it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Coroutine, Iterable, Mapping, Sequence

    from faust.types import TP

    from stream.record import Record

BATCHES_IN_FLIGHT = 8


class Batch(NamedTuple):
    """Records of one partition in offset order, and the generation of the group they were fetched in.

    `wait` : when these were handed over, some partition still held records that were not. `more` : the same
    fetch brought another batch, which follows.
    """

    tp: TP
    records: Sequence[Record]
    generation: int
    wait: bool = True
    more: bool = False

    @property
    def next_offset(self) -> int:
        """The offset to commit once this batch is done."""
        return self.records[-1].offset + 1


class InFlight:
    """Batches that were handed over and are not done, and what may be committed.

    Parameters
    ----------
    keeps_state
        An offset may be committed once a checkpoint covers it; otherwise once its batch has had all its effects.
    """

    def __init__(self, *, keeps_state: bool) -> None:
        self.may_commit: dict[TP, int] = {}
        """The next offset to commit, by partition."""
        self._keeps_state = keeps_state
        self._finished: dict[TP, int] = {}  # the offset after the last batch that is done
        self._not_done = self._not_judged = 0
        self._changed = asyncio.Event()

    def __len__(self) -> int:
        """Batches that are not done."""
        return self._not_done

    @property
    def is_full(self) -> bool:
        """Whether the fetch has to wait."""
        return self._not_done >= BATCHES_IN_FLIGHT

    @property
    def all_judged(self) -> bool:
        """Whether the judge has nothing to do."""
        return not self._not_judged

    def begin(self) -> None:
        """A batch is handed over."""
        self._not_done += 1
        self._not_judged += 1

    def judged(self) -> None:
        """A batch has left the channel; it may be of a share that was taken away."""
        self._not_judged = max(0, self._not_judged - 1)
        self._changed.set()

    def done(self, batch: Batch) -> None:
        """A batch has had all its effects, save for what `hold_back` names."""
        self._finished[batch.tp] = batch.next_offset
        if not self._keeps_state:
            self.may_commit[batch.tp] = batch.next_offset
        self._not_done -= 1
        self._changed.set()

    def hold_back(self, held: Mapping[int, int]) -> None:
        """Commit nothing of what waits to be merged: `held` is partition -> first offset that does."""
        for tp, offset in () if self._keeps_state else self._finished.items():
            self.may_commit[tp] = min(offset, held.get(tp.partition, offset))

    def saved(self, offsets: Mapping[int, int], of: Iterable[TP]) -> None:
        """The state up to these offsets is safe; only partitions of ours, `of`, are committed."""
        self.may_commit.update({tp: offsets[tp.partition] for tp in of if tp.partition in offsets})

    def clear(self) -> None:
        """Another share: what was in the channel is judged by nobody, and no mark of it counts."""
        self.may_commit.clear()
        self._finished.clear()
        self._not_done = self._not_judged = 0
        self._changed.set()

    def changed(self) -> Coroutine[Any, Any, Any]:
        """Wait, from this call on, until one more batch is judged or done, or none counts any more."""
        self._changed.clear()  # now: a task that awaits this may start after the change
        return self._changed.wait()
