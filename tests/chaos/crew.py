"""Two workers of one group, one of which watches, and what is done to them."""

from __future__ import annotations

import signal
import subprocess
import threading
import time
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Self, cast

from tests.parts.dying_worker import Life, started
from tests.parts.traffic import committed

if TYPE_CHECKING:
    from types import TracebackType

    from config.promotions import PromotionRegister
    from config.settings import Settings

_LOOK_SECONDS = 0.02
_TAKEOVER_SECONDS = 60.0
_STOP_SECONDS = 30.0


class Worker:
    """A worker in a process of its own, and when it judged its batches."""

    def __init__(self, life: Life) -> None:
        self.life = life
        self.judged: list[float] = []
        self._process: subprocess.Popen[bytes] = started(life)
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for _ in cast("IO[bytes]", self._process.stdout):
            self.judged.append(time.monotonic())

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
    """Workers on `settings`; each batch takes `pause_seconds` longer than it would, so that the log lasts."""

    settings: Settings
    promotions: PromotionRegister
    total: int
    pause_seconds: float
    workers: list[Worker] = field(default_factory=list)

    def join(self, dies_at: int | None = None) -> Worker:
        """One more worker."""
        life = Life(self.settings, dies_at=dies_at, pause_seconds=self.pause_seconds, promotions=self.promotions)
        self.workers.append(Worker(life))
        return self.workers[-1]

    def watching(self, since: float = 0.0) -> Worker:
        """The worker that was the last to judge something, later than `since`; waits for it."""
        deadline = time.monotonic() + _TAKEOVER_SECONDS
        while time.monotonic() < deadline:
            known = [worker for worker in self.workers if worker.judged and worker.judged[-1] > since]
            if known:
                return max(known, key=lambda worker: worker.judged[-1])
            time.sleep(_LOOK_SECONDS)
        raise TimeoutError(f"nobody judged anything for {_TAKEOVER_SECONDS:g} s")

    def recovered(self, since: float, but: Worker | None = None) -> float:
        """Seconds from `since` until somebody (not `but`) judged something."""
        deadline = time.monotonic() + _TAKEOVER_SECONDS
        while time.monotonic() < deadline:
            later = [at for worker in self.workers if worker is not but for at in list(worker.judged) if at > since]
            if later:
                return min(later) - since
            time.sleep(_LOOK_SECONDS)
        raise TimeoutError(f"nobody judged anything for {_TAKEOVER_SECONDS:g} s")

    def is_done(self) -> bool:
        """Whether everything is committed."""
        return sum(committed(self.settings).values()) >= self.total

    def finish(self, seconds: float = 300.0) -> None:
        """Let them read to the end, and stop them in good order."""
        deadline = time.monotonic() + seconds
        while not self.is_done():
            if time.monotonic() > deadline:
                raise TimeoutError(f"not everything is committed after {seconds:g} s")
            if not any(worker.lives for worker in self.workers):
                self.join()  # the last one has killed itself
            time.sleep(0.5)
        living = [worker for worker in self.workers if worker.lives]
        for worker in living:
            worker.tell(signal.SIGTERM)
        codes = [worker.wait() for worker in living]
        if any(codes):
            raise RuntimeError(f"workers ended with {codes}")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for worker in self.workers:
            worker.end()
