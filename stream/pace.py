"""Lets recorded or simulated events happen again at the pace of a clock."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

_MOST_EVENTS = 500
_TICK_SECONDS = 0.02


class Timed(Protocol):
    """An event that knows when it happens; `stream.simulator.SimulatedEvent` is one."""

    @property
    def time_ms(self) -> int: ...
    @property
    def value(self) -> bytes: ...


async def on_time(events: Iterable[Timed], speed: float, live_from_ms: int | None = None) -> AsyncIterator[list[Timed]]:
    """Cut `events` into the batches that are due, on a clock that runs `speed` times as quick as ours.

    Events before `live_from_ms` are due at once; the clock starts with the first event after it. Speed 0 has
    no clock: everything is due at once.
    """
    clock = _Clock(speed, live_from_ms)
    due: list[Timed] = []
    for event in events:
        while (left := clock.seconds_until(event.time_ms)) > 0:
            if due:
                yield due
                due = []
            await asyncio.sleep(min(left, _TICK_SECONDS))
        due.append(event)
        if len(due) == _MOST_EVENTS:
            yield due
            due = []
    if due:
        yield due


class _Clock:
    def __init__(self, speed: float, live_from_ms: int | None) -> None:
        self._speed = speed
        self._from_ms = live_from_ms
        self._began: float | None = None

    def seconds_until(self, time_ms: int) -> float:
        if self._speed == 0:
            return 0.0
        self._from_ms = time_ms if self._from_ms is None else self._from_ms
        if time_ms <= self._from_ms:
            return 0.0
        now = time.monotonic()
        self._began = now if self._began is None else self._began
        return self._began + (time_ms - self._from_ms) / 1_000.0 / self._speed - now
