"""Workers of one group, one of which watches or all of which share, and what is done to them."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import IO, TYPE_CHECKING, Self, cast

from tests.parts.dying_worker import COMMAND, ROOT, Life, begin
from tests.parts.network import Cabled
from tests.parts.ports import free_ports
from tests.parts.traffic import committed

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

    from config.promotions import PromotionRegister
    from config.settings import Settings

_LOOK_SECONDS = 0.02
_TAKEOVER_SECONDS = 90.0
_STOP_SECONDS = 30.0
_QUIET_SECONDS = 5.0


class LogEnded(Exception):
    """All events are judged and committed: there is no load under which a fault could be injected."""


class Worker:
    """A worker in a process of its own, and when it judged its batches; the last one of each partition too.

    `is_ready` : it stands by, its state read.
    """

    def __init__(self, life: Life, environment: Mapping[str, str]) -> None:
        web = life.settings.web.model_copy(update={"on": True, "port": free_ports(1)[0]})
        self.life = replace(life, settings=life.settings.model_copy(update={"web": web}))
        self.judged: list[float] = []
        self.last: dict[int, float] = {}
        self.is_ready = False
        environment = {**os.environ, **environment}
        pipe = subprocess.PIPE
        self.cables = Cabled(COMMAND, stdin=pipe, stdout=pipe, cwd=ROOT, env=environment)
        self._process = self.cables.process
        begin(self._process, self.life)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in cast("IO[bytes]", self._process.stdout):
            if line in {b"ready\n", b"busy\n"}:
                self.is_ready = line == b"ready\n"
            else:
                self.judged.append(time.monotonic())
                self.last[int(line)] = self.judged[-1]

    @property
    def lives(self) -> bool:
        return self._process.poll() is None

    def tell(self, number: signal.Signals) -> None:
        """Send it a signal."""
        self._process.send_signal(number)

    def wait(self, seconds: float = _STOP_SECONDS) -> int:
        """Its exit code, once it has ended."""
        return self._process.wait(seconds)

    def end(self) -> None:
        """Whatever state it is in."""
        if self.lives:
            self._process.kill()
            self._process.wait()
        cast("IO[bytes]", self._process.stdout).close()


@dataclass(slots=True)
class Crew:
    """Workers on `settings`; each rests `pause_seconds` after a batch, so that the log lasts."""

    settings: Settings
    promotions: PromotionRegister
    total: int
    pause_seconds: float
    environment: Mapping[str, str] = field(default_factory=dict)
    workers: list[Worker] = field(default_factory=list)
    _looked: float = field(default_factory=time.monotonic)

    def join(self, dies_after: int = 1, *, until_caught_up: bool = False) -> Worker:
        """One more worker."""
        life = Life(
            self.settings,
            until_caught_up=until_caught_up,
            dies_after=dies_after,
            pause_seconds=self.pause_seconds,
            promotions=self.promotions,
        )
        self.workers.append(Worker(life, self.environment))
        return self.workers[-1]

    def watching(self, since: float = 0.0) -> Worker:
        """The worker that was the last to judge something, later than `since`; waits for it."""
        deadline = time.monotonic() + _TAKEOVER_SECONDS
        while time.monotonic() < deadline:
            if self.is_read():
                raise LogEnded
            known = [worker for worker in self.workers if worker.judged and worker.judged[-1] > since]
            if known:
                return max(known, key=lambda worker: worker.judged[-1])
            time.sleep(_LOOK_SECONDS)
        raise TimeoutError(f"nobody judged anything for {_TAKEOVER_SECONDS:g} s")

    def stood_by(self) -> None:
        """Wait until a living worker stands by with the state read."""
        deadline = time.monotonic() + _TAKEOVER_SECONDS
        while not any(worker.is_ready and worker.lives for worker in self.workers):
            if time.monotonic() > deadline:
                raise TimeoutError(f"nobody stands by after {_TAKEOVER_SECONDS:g} s")
            time.sleep(_LOOK_SECONDS)

    def recovered(self, since: float, but: Worker | None = None) -> float:
        """Seconds from `since` until somebody (not `but`) judged something."""
        deadline = time.monotonic() + _TAKEOVER_SECONDS
        while time.monotonic() < deadline:
            later = [at for worker in self.workers if worker is not but for at in list(worker.judged) if at > since]
            if later:
                return min(later) - since
            time.sleep(_LOOK_SECONDS)
        raise TimeoutError(f"nobody judged anything for {_TAKEOVER_SECONDS:g} s")

    def share(self) -> list[Worker]:
        """Wait until at least two workers judge, and nobody is missed; returns them."""
        deadline = time.monotonic() + _TAKEOVER_SECONDS
        while time.monotonic() < deadline:
            if self.is_read():
                raise LogEnded
            owners = self.owners()
            if len(owners) == self.settings.kafka.partitions and all(one.lives for one in owners.values()):
                sharing = [worker for worker in self.workers if worker in owners.values()]
                if len(sharing) > 1:
                    return sharing
            time.sleep(_LOOK_SECONDS)
        raise TimeoutError(f"no two workers share after {_TAKEOVER_SECONDS:g} s")

    def taken_over(self, worker: Worker, since: float) -> float:
        """Seconds from `since` until another one judged, where they share what was a worker's."""
        return self._handed_over(worker, since) if self.settings.shuffle.on else self.recovered(since, but=worker)

    def _handed_over(self, worker: Worker, since: float) -> float:
        """Seconds from `since` until somebody else has judged something of a partition that was a worker's."""
        deadline = time.monotonic() + _TAKEOVER_SECONDS
        lost = {partition for partition, owner in self.owners().items() if owner is worker}
        while lost and all(self.owners()[partition] is worker for partition in lost):
            if self.is_read():
                raise LogEnded
            if time.monotonic() > deadline:
                raise TimeoutError(f"nobody judged what was another's for {_TAKEOVER_SECONDS:g} s")
            time.sleep(_LOOK_SECONDS)
        return time.monotonic() - since

    def owners(self) -> dict[int, Worker]:
        """Partition -> who was the last to judge something of it."""
        lasts = [(at, partition, worker) for worker in self.workers for partition, at in list(worker.last.items())]
        return {partition: worker for _, partition, worker in sorted(lasts, key=lambda each: each[0])}

    def longest_rest(self, since: float) -> float:
        """The longest time since then in which nobody judged anything, in seconds."""
        moments = sorted([since, *(at for worker in self.workers for at in list(worker.judged) if at > since)])
        return max((later - at for at, later in pairwise(moments)), default=0.0)

    def is_read(self) -> bool:
        """Whether everything is committed; looked up once in a while."""
        if time.monotonic() < self._looked + _QUIET_SECONDS:
            return False
        self._looked = time.monotonic()
        return self.is_done()

    def is_done(self) -> bool:
        """Whether everything is committed."""
        return sum(committed(self.settings).values()) >= self.total

    def finish(self, seconds: float = 300.0) -> None:
        """Let them read to the end without a rest, and stop them in good order."""
        deadline, self.pause_seconds = time.monotonic() + seconds, 0.0
        for worker in self.workers:
            if worker.lives and (worker.judged or worker.is_ready):  # else it has not begun to listen
                worker.tell(signal.SIGUSR1)
        while not self.is_done():
            if time.monotonic() > deadline:
                raise TimeoutError(f"not everything is committed after {seconds:g} s")
            if not any(worker.lives for worker in self.workers):
                self.join()  # the last one has killed itself
            time.sleep(0.5)
        living = [worker for worker in self.workers if worker.lives]
        for worker in living:
            worker.tell(signal.SIGTERM)
        codes = [worker.wait() for worker in living if worker.judged or worker.is_ready]
        if self.settings.shuffle.on:  # slices may stand in their topic yet: one that ends by itself merges them first
            codes.append(self.join(until_caught_up=True).wait(seconds))
        if any(codes):
            raise RuntimeError(f"workers ended with {codes}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self.workers:
            worker.end()
