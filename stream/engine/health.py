"""Whether a worker lives and gets on: what is asked by /livez and /readyz, judged from progress, not from promises."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable


@dataclass(frozen=True, slots=True)
class Look:
    """A worker at one moment.

    `partitions` : assigned to it. `caught_up` : it has read and done all they hold. `progress` : anything that
    changes when it gets on. `stands_by` : it is in the group, and may have no partition. `behind` : records of the
    state's changelog that a member that stands by has not read; None if it does not know, -1 if it follows none.
    `waits_for`, `waits_seconds` : the server that takes no alerts, and since when.
    """

    partitions: int
    caught_up: bool
    progress: Hashable
    stands_by: bool = False
    behind: int | None = -1
    waits_for: str | None = None
    waits_seconds: float = 0.0
    is_stopping: bool = False
    has_crashed: bool = False


@dataclass(frozen=True, slots=True)
class Health:
    """An answer, and why."""

    ok: bool
    reason: str


FINE: Final = Health(ok=True, reason="ok")
STANDS_BY: Final = "stands by: another worker of the group has the partitions"


class HealthCheck:
    """Compares looks at a worker over time.

    Ready: it stands by, or partitions are assigned, and either all is read and done or something has moved within
    `stuck_after_seconds`. Live: not crashed, and not stuck for a reason of its own; one that only waits for Kafka
    or Redis to take its alerts would not be helped by a restart, and is live but not ready.

    >>> now = 0.0
    >>> check = HealthCheck(60, clock=lambda: now)
    >>> check.add(Look(4, caught_up=False, progress=17))
    >>> check.ready.reason, check.live.reason
    ('ok', 'ok')
    >>> now = 61.0
    >>> check.add(Look(4, caught_up=False, progress=17))
    >>> check.ready.reason
    'stuck: no progress for 61 s, and not everything is read'
    """

    def __init__(self, stuck_after_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._stuck_after_seconds, self._clock = stuck_after_seconds, clock
        self._look = Look(0, caught_up=False, progress=None)
        self._moved = clock()

    def add(self, look: Look) -> None:
        """Take a look into account; at least a few within `stuck_after_seconds`."""
        # a new assignment starts the clock anew, and without partitions there is nothing to get on with
        before = self._look
        if (
            (look.progress, look.partitions) != (before.progress, before.partitions)
            or look.caught_up
            or not look.partitions
        ):
            self._moved = self._clock()
        self._look = look

    @property
    def still_seconds(self) -> float:
        """How long ago something moved, or nothing was left to do."""
        return self._clock() - self._moved

    @property
    def ready(self) -> Health:
        """Whether it does its part of the work."""
        look = self._look
        if not self.live.ok:
            return self.live
        if look.is_stopping:
            return Health(ok=False, reason="it is stopping")
        if not look.partitions:
            return self._standing_by() if look.stands_by else Health(ok=False, reason="no partition is assigned")
        if look.waits_for is not None and look.waits_seconds >= self._stuck_after_seconds:
            return Health(ok=False, reason=f"{look.waits_for} has taken no alerts for {look.waits_seconds:.0f} s")
        return self._stuck() if self._is_stuck else FINE

    @property
    def live(self) -> Health:
        """Whether to leave it running."""
        if self._look.has_crashed:
            return Health(ok=False, reason="it has crashed")
        return self._stuck() if self._is_stuck and self._look.waits_for is None else FINE

    def _standing_by(self) -> Health:
        behind = self._look.behind
        if behind is None:
            return Health(ok=False, reason=f"{STANDS_BY}; reads their state")
        return Health(ok=True, reason=STANDS_BY + (f"; {behind} records behind their state" if behind >= 0 else ""))

    @property
    def _is_stuck(self) -> bool:
        return not self._look.is_stopping and self.still_seconds >= self._stuck_after_seconds

    def _stuck(self) -> Health:
        return Health(ok=False, reason=f"stuck: no progress for {self.still_seconds:.0f} s, and not everything is read")
