"""Takes partitions over, and keeps what was learned of each safe by itself: the next owner may be another worker."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiokafka.errors import OffsetOutOfRangeError

from features.state import State, part_of
from stream.checkpoint.checkpointer import Checkpointer
from stream.checkpoint.marker import Key
from stream.checkpoint.saver import Checkpoint, Saver
from stream.checkpoint.schema import StateRefused, check_schema, refused
from stream.checkpoint.shelf import Saved, Shelf
from stream.checkpoint.units import MERGE
from stream.shuffle.judge import SharedJudge
from stream.shuffle.ledger import Ledger
from stream.shuffle.merging import Merging
from stream.shuffle.message import Takeover, written_message
from stream.shuffle.slices_log import SlicesLog

log = logging.getLogger(__name__)

_TRIES: Final = 5
_KEPT: Final = 2  # checkpoints of what is merged, whose slices are kept: one who wakes up late deletes too little
_KNOWN: Final = ("ledger/", "reading/position")
_KNOB: Final = "start once with `orderwatch worker --forget-state` to learn anew"
_FIRST: Final = 0
"""Who has this partition of the orders merges."""


@dataclass(frozen=True, slots=True)
class _Claim:
    """What a takeover found: what is saved, and what was sent before it."""

    epoch: int
    shelf: Shelf
    merged: Saved | None
    ledger: Ledger


@dataclass(slots=True)
class _Saving:
    """A checkpoint of one unit on its way. `mark` : what it covers."""

    unit: str
    saver: Saver
    checkpoint: Checkpoint
    mark: tuple[int, int]


class Keeper(Checkpointer):
    """The checkpointer of a worker that shares the log.

    Parameters
    ----------
    judge
        Whose state it is.
    merging, slices
        Stage two at work, and the topic that it reads.
    send
        Writes a message to that topic, and returns its offset.
    arguments
        Those of `Checkpointer`.
    """

    def __init__(
        self,
        judge: SharedJudge,
        merging: Merging,
        slices: SlicesLog,
        send: Callable[[bytes], Awaitable[int]],
        *arguments: Any,
        **named: Any,
    ) -> None:
        """Own nothing."""
        super().__init__(judge, *arguments, **named)
        self._shared, self._merging, self._slices, self._send = judge, merging, slices, send
        self._savers: dict[str, Saver] = {}
        self._marks: dict[str, tuple[int, int]] = {}
        self._deletable: list[int] = []
        self._dead: list[tuple[Saver, list[Key]]] = []

    @property
    def is_clean(self) -> bool:
        """Whether nothing was judged or merged since the last checkpoints, or nothing is ours."""
        return all(self._marks.get(unit) == self._mark(unit) for unit in self._savers)

    def let_go(self) -> None:
        """Own nothing any more."""
        self._merging.stop()
        self._shared.spread.let_go()
        self._savers, self._marks, self._deletable, self._dead = {}, {}, [], []

    async def load(self, position: Mapping[int, int | None]) -> dict[int, int]:
        """Take partitions over; returns where to read each of them. Raises `StateRefused`."""
        began = time.monotonic()
        self.let_go()
        if not position:
            return {}
        claim = await self._claimed(position)
        offsets = {partition: await self._take_partition(claim, partition, at) for partition, at in position.items()}
        units = [str(partition) for partition in position]
        if _FIRST in position:
            self._take_merge(claim)
            units.append(MERGE)
        for message in self._shared.spread.silences():
            await self._send(message)
        self._forget = False
        self._flow.start_at(offsets)
        for unit in units:
            self._savers[unit] = Saver(self._schema, claim.epoch, [key for key in claim.shelf.keys if key.unit == unit])
        log.info("took partitions %s over in %.2f s", ", ".join(units), time.monotonic() - began)
        return {partition: offset for partition, offset in offsets.items() if offset or position[partition]}

    async def _claimed(self, position: Mapping[int, int | None]) -> _Claim:
        """Take partitions over in the topic, and read what was sent before. Raises `StateRefused`, `KafkaError`."""
        epoch = time.time_ns() // 1000  # finer than any two takeovers of a partition follow one another
        for _ in range(_TRIES):
            shelf = await self.standby.take()
            merged = shelf.newest(MERGE)
            if merged is not None and not self._forget:
                check_schema(self._schema, merged.schema)
            epoch = max(epoch, shelf.epoch + 1)
            ends = [
                await self._send(written_message(Takeover(each, epoch, at or 0))) + 1 for each, at in position.items()
            ]
            ledger, begin = self._read_until(merged)
            try:
                await self._slices.fold(ledger, begin, max(ends))
            except OffsetOutOfRangeError:
                continue  # deleted meanwhile, by someone who has saved what stood there
            ahead = max(ledger.epoch(partition) for partition in position)
            if ahead == epoch:
                return _Claim(epoch, shelf, merged, ledger)
            epoch = ahead + 1  # a clock runs ahead of ours
        raise StateRefused(f"topic {self._slices.partition.topic} begins after where the saved state reads on: {_KNOB}")

    async def _take_partition(self, claim: _Claim, partition: int, at: int | None) -> int:
        """Own a partition as it was saved last; returns where to read it on."""
        sent = claim.ledger.sent(partition)
        saved = None if self._forget else claim.shelf.newest(str(partition), upto=sent)
        state: State | None = None
        offset = at or 0
        if saved is not None:
            check_schema(self._schema, saved.schema)
            await self._changelog.origin.check(saved.offsets, saved.time_ms)
            state, offset = saved.state, saved.offsets[partition]
        try:
            self._shared.spread.take_over(partition, claim.epoch, state, offset, sent)
        except (ValueError, KeyError, TypeError) as error:
            raise refused(error) from error
        return offset

    def _take_merge(self, claim: _Claim) -> None:
        """Merge on from what was saved last; one that is to forget knows at least what was sent."""
        state = self._blank
        if claim.merged is not None:
            known = {name: array for name, array in claim.merged.state.items() if name.startswith(_KNOWN)}
            state = self._blank | known if self._forget else claim.merged.state
        try:
            self._shared.merge.set_state(state)
        except (ValueError, KeyError, TypeError) as error:
            raise refused(error) from error
        self._merging.start()

    def _read_until(self, merged: Saved | None) -> tuple[Ledger, int]:
        """The ledger that was saved, and the offset of the topic up to which it was led."""
        ledger = Ledger(self._shared.partitions)
        if merged is None:
            return ledger, 0
        ledger.set_state(part_of(merged.state, "ledger"))
        return ledger, int(merged.state["reading/position"][0])

    def _mark(self, unit: str) -> tuple[int, int]:
        return self._merging.mark if unit == MERGE else self._shared.spread.mark(int(unit))

    async def _save(self, on_saved: Callable[[Mapping[int, int]], None]) -> None:
        async with self._saving:
            began, judged = time.monotonic(), self._flow.judged
            due = [unit for unit in self._savers if self._marks.get(unit) != self._mark(unit)]
            ways = [self._begin(unit) for unit in due]
            self._paused_seconds = time.monotonic() - began
            if not ways:
                return
            try:
                nbytes = await self._changelog.write([record for way in ways for record in way.checkpoint.objects])
                await self._flow.until_told(judged)
                if not await self._is_merged_told(ways):
                    return
                markers = [record for way in ways for record in way.saver.markers(way.checkpoint)]
                nbytes += await self._changelog.write(markers)
            except BaseException:
                for way in ways:
                    way.saver.fail(way.checkpoint)
                raise
            self._metrics.saved(
                time.monotonic() - began, self._paused_seconds, nbytes, sum(way.checkpoint.state_bytes for way in ways)
            )
            await self._end(ways, on_saved)

    def _begin(self, unit: str) -> _Saving:
        saver, mark = self._savers[unit], self._mark(unit)
        if unit == MERGE:
            return _Saving(unit, saver, saver.begin(self._shared.merge.get_state(), {}), mark)
        state = self._shared.spread.get_state(int(unit))
        return _Saving(unit, saver, saver.begin(state, {int(unit): mark[0]}), mark)

    async def _is_merged_told(self, ways: Sequence[_Saving]) -> bool:
        """Wait until the alerts of what is merged are out; false if it was let go first, and they may never be.

        A marker would then be of a state that has told what nobody heard, and the next owner would go on from it.
        """
        return all([await self._merging.until_told(way.mark) for way in ways if way.unit == MERGE])

    async def _end(self, ways: Sequence[_Saving], on_saved: Callable[[Mapping[int, int]], None]) -> None:
        """Say that all is written; delete what was not needed by the checkpoints before."""
        dead, self._dead = self._dead, [(way.saver, way.saver.end(way.checkpoint)) for way in ways]
        current = [way for way in ways if self._savers.get(way.unit) is way.saver]
        self._marks |= {way.unit: way.mark for way in current}
        on_saved({int(way.unit): way.mark[0] for way in current if way.unit != MERGE})
        for saver, keys in dead:
            await self._bury(saver, keys)
        self._deletable += [way.mark[0] for way in current if way.unit == MERGE]
        if len(self._deletable) > _KEPT:
            await self._slices.delete_before(self._deletable.pop(0))
