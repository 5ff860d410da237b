"""A member that stands by: it follows the changelog, so that a takeover reads what came last, and nothing else.

It holds what a takeover holds for a moment: the records of the last two checkpoints, compressed, and the arrays of
the newest, put together. That is at most the state's own size and about a third, and the state is bounded by
`state.max_*`. While it watches itself it holds nothing of this.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import AsyncExitStack
from typing import Final

from aiokafka.errors import KafkaError

from stream.checkpoint.changelog import Changelog
from stream.checkpoint.shelf import Shelf
from stream.checkpoint.tail import Tail

log = logging.getLogger(__name__)

_LOOK_SECONDS: Final = 0.1
_RETRY_SECONDS: Final = 1.0


class Standby:
    """Reads the changelog ahead of the takeover that may come.

    Parameters
    ----------
    changelog
        Where the state is kept.
    warm_up
        Called once when the state is read for the first time: to load code that is first used when orders come.
    """

    def __init__(self, changelog: Changelog, warm_up: Callable[[], None] | None = None) -> None:
        """Nothing was read."""
        self._changelog, self._warm_up = changelog, warm_up
        self._tail: Tail | None = None
        self._open = AsyncExitStack()
        self._lock = asyncio.Lock()
        self._is_ready = False

    @property
    def behind(self) -> int | None:
        """Records of the changelog that are not read yet; None while it does not follow, or cannot tell."""
        return self._tail.behind if self._tail is not None and self._is_ready else None

    async def run(self, stands_by: Callable[[], bool]) -> None:
        """Follow for ever, while `stands_by` says so. Kafka being away is a line in the log, and tried again."""
        while True:
            if not stands_by():
                await asyncio.sleep(_LOOK_SECONDS)
                continue
            try:
                async with self._lock:
                    if stands_by():  # a takeover may have come while we waited
                        await self._follow()
            except (KafkaError, OSError) as error:
                log.warning("the state changelog cannot be followed (%s); trying again", error)
                await self._close()
                await asyncio.sleep(_RETRY_SECONDS)

    async def take(self) -> Shelf:
        """All that the changelog holds now, and follow it no more. Raises `KafkaError`."""
        async with self._lock:
            tail = await self._started(keeps_arrays=False)
            try:
                return await tail.read_to_end()
            finally:
                await self._close()

    async def stop(self) -> None:
        """Disconnect."""
        await self._close()

    async def _follow(self) -> None:
        tail = await self._started(keeps_arrays=True)
        if not self._is_ready:
            await tail.read_to_end()
        elif not await tail.read_on() or tail.behind:
            return
        tail.shelf.newest()  # puts the slabs in place that have changed
        if not self._is_ready:
            self._warmed_up()
        self._is_ready = True

    def _warmed_up(self) -> None:
        warm_up, self._warm_up = self._warm_up, None  # once is enough for the life of a process
        try:
            if warm_up is not None:
                warm_up()
        except Exception as error:  # noqa: BLE001  # whatever it is, only the first orders after a takeover wait longer
            log.warning(
                "no warm-up (%s: %s); the first orders after a takeover wait for it", type(error).__name__, error
            )

    async def _started(self, *, keeps_arrays: bool) -> Tail:
        if self._tail is None:
            self._tail = await self._open.enter_async_context(self._changelog.tail(keeps_arrays=keeps_arrays))
        return self._tail

    async def _close(self) -> None:
        self._tail, self._is_ready = None, False
        await self._open.aclose()
