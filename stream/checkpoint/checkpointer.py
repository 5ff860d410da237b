"""Keeps the state of a running worker safe: a checkpoint every few seconds, one before partitions are given up.

Judging never waits for it. A checkpoint is looked up between two batches, all units at once; what changed is then
written beside the judging of the next batches. Its markers are written when the alerts of all that it covers are
out, since input that is committed is never judged again.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Final, Protocol

from aiokafka.errors import KafkaError

from features.state import State, Stateful
from stream.checkpoint.changelog import Changelog
from stream.checkpoint.marker import Key
from stream.checkpoint.metrics import CheckpointMetrics
from stream.checkpoint.saver import Checkpoint, Saver
from stream.checkpoint.schema import StateRefused, check_schema, refused
from stream.checkpoint.shelf import Saved, Shelf
from stream.checkpoint.standby import Standby

log = logging.getLogger(__name__)

_PAUSES: Final = 40.0  # from one checkpoint to the next, at least so many times what it kept orders waiting
_LOOK_SECONDS: Final = 0.1


class Told(Protocol):
    """How far a worker has come; `stream.engine.flow.Flow` satisfies it."""

    @property
    def position(self) -> Mapping[int, int]:
        """Order partition -> the offset after the last record that was judged."""

    @property
    def judged(self) -> int:
        """How many outcomes there were: it changes when the state may have."""

    def start_at(self, position: Mapping[int, int]) -> None:
        """Say where reading begins."""

    async def until_told(self, judged: int) -> None:
        """Wait until all that came of the first so many outcomes is out."""


class Checkpointer:
    """Loads, saves and lets go of the state of one judge.

    Parameters
    ----------
    judge, flow
        Whose state it is, and how far it has come.
    changelog, schema
        Where it is kept, and what shapes it.
    interval_seconds
        From one checkpoint to the next, at least. Longer where much changes: for a checkpoint orders wait no more than
        a fortieth of the time, and no more than half of it is spent on writing.
    forget
        Do not go on from what is saved: learn anew, from what the group has committed.
    warm_up
        What a member that stands by calls once, before orders come.
    """

    def __init__(
        self,
        judge: Stateful,
        flow: Told,
        changelog: Changelog,
        schema: Mapping[str, str],
        *,
        interval_seconds: float,
        forget: bool = False,
        metrics: CheckpointMetrics | None = None,
        warm_up: Callable[[], None] | None = None,
    ) -> None:
        """Know how the judge is when it has learned nothing. Raises `StateRefused` if it has no state to keep."""
        self.standby = Standby(changelog, warm_up)
        self._judge, self._flow, self._changelog = judge, flow, changelog
        self._schema, self._interval_seconds, self._forget = dict(schema), interval_seconds, forget
        self._metrics = metrics or CheckpointMetrics()
        self._saver: Saver | None = None
        self._saved_at = -1
        self._paused_seconds = 0.0
        self._saving = asyncio.Lock()
        self._blank = _copied(_state_of(judge))

    @property
    def is_clean(self) -> bool:
        """Whether nothing was judged since the last checkpoint, or no state is ours."""
        return self._saver is None or self._flow.judged == self._saved_at

    async def load(self, position: Mapping[int, int | None]) -> dict[int, int]:
        """Take the state over; returns where to read on, for each partition.

        `position` : where reading would begin without a saved state; None where nothing was committed. Raises
        `StateRefused`.
        """
        began = time.monotonic()
        self.let_go()
        shelf = await self.standby.take()
        saved = None if self._forget else shelf.newest()
        if saved is not None:
            await self._changelog.origin.check(saved.offsets, saved.time_ms)
        offsets = {number: at for number, at in position.items() if at is not None} | self._take(saved)
        self._forget = False
        self._flow.start_at(offsets)
        epoch = max(shelf.epoch + 1, time.time_ns() // 1_000_000)
        self._saver = Saver(self._schema, epoch, list(shelf.keys))
        self._saved_at = self._flow.judged
        self._tell(saved, shelf, time.monotonic() - began)
        return offsets

    def let_go(self) -> None:
        """Save no more: the partitions are another's, or about to be loaded anew."""
        self._saver = None

    async def run(self, on_saved: Callable[[Mapping[int, int]], None]) -> None:
        """Save for ever; `on_saved` is told what may be committed."""
        while True:
            began = time.monotonic()
            if self.is_clean:
                self._metrics.clean()
            else:
                await self.try_to_save(on_saved)
            took = time.monotonic() - began
            due = max(self._interval_seconds, _PAUSES * self._paused_seconds)
            await asyncio.sleep(max(due - took, took, _LOOK_SECONDS))

    async def try_to_save(self, on_saved: Callable[[Mapping[int, int]], None]) -> bool:
        """Save now; whether it could be done. Kafka being away is a line in the log, and tried again."""
        try:
            await self._save(on_saved)
        except (KafkaError, OSError) as error:
            self._metrics.failed()
            log.warning("Kafka took no checkpoint (%s); nothing is committed until it takes one", error)
            return False
        return True

    async def _save(self, on_saved: Callable[[Mapping[int, int]], None]) -> None:
        async with self._saving:
            saver = self._saver
            if saver is None or self.is_clean:
                return
            began, judged = time.monotonic(), self._flow.judged
            checkpoint = saver.begin(_state_of(self._judge), self._flow.position)
            self._paused_seconds = time.monotonic() - began
            try:
                nbytes = await self._write(saver, checkpoint, judged)
            except BaseException:
                saver.fail(checkpoint)
                raise
            dead = saver.end(checkpoint)
            if saver is self._saver:
                self._saved_at = judged
                on_saved(checkpoint.offsets)
            self._metrics.saved(time.monotonic() - began, self._paused_seconds, nbytes, checkpoint.state_bytes)
            await self._bury(saver, dead)

    async def _bury(self, saver: Saver, dead: list[Key]) -> None:
        try:
            await self._changelog.write((key, None) for key in dead)
        except BaseException:
            saver.spare(dead)
            raise

    async def _write(self, saver: Saver, checkpoint: Checkpoint, judged: int) -> int:
        nbytes = await self._changelog.write(checkpoint.objects)
        await self._flow.until_told(judged)
        return nbytes + await self._changelog.write(saver.markers(checkpoint))

    def _take(self, saved: Saved | None) -> dict[int, int]:
        if saved is None:
            if self._flow.judged:
                self._judge.set_state(self._blank)  # what is in memory is of another time
            return {}
        check_schema(self._schema, saved.schema)
        try:
            self._judge.set_state(_with_new_parts(saved.state, self._blank))
        except (ValueError, KeyError, TypeError) as error:
            raise refused(error) from error
        return saved.offsets

    def _tell(self, saved: Saved | None, shelf: Shelf, seconds: float) -> None:
        self._metrics.loaded(saved, seconds)
        if saved is not None:
            nbytes = sum(array.nbytes for array in saved.state.values())
            what = "goes on from checkpoint %d of epoch %d: %.1f MB of state read in %.2f s"
            log.info(what, saved.version, saved.epoch, nbytes / 1e6, seconds)
        elif shelf.epoch:
            log.warning("starts with nothing learned: no checkpoint is whole, or it was told to forget")


def _state_of(judge: Stateful) -> State:
    try:
        return judge.get_state()
    except ValueError as error:
        raise StateRefused(f"checkpoint.on is true, and the state cannot be saved: {error}") from error


def _with_new_parts(state: State, blank: State) -> State:
    """A state with the parts that were off when it was saved, as they begin; a part is what stands before the slash."""
    parts = {name.partition("/")[0] for name in state}
    return {name: array for name, array in blank.items() if name.partition("/")[0] not in parts} | state


def _copied(state: State) -> State:
    return {name: array.copy() for name, array in state.items()}
