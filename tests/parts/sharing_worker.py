"""A worker in a process of its own that shares the small shop's log with others.

Such processes are forked from one that has imported what they need, since that takes seconds each.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from threading import Thread
from typing import TYPE_CHECKING, Final

from stream.engine.worker import run_worker
from stream.shuffle.judge import SharedJudge
from tests.small_shop import REGISTER

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from config.settings import Settings

_PAUSE_SECONDS: Final = 0.02
_END_SECONDS: Final = 10.0
_processes: Final = multiprocessing.get_context("forkserver")
_processes.set_forkserver_preload([__name__, "sklearn.base"])


class Member:
    """Such a worker, and the partitions that it said it had when it judged its last batch.

    It rests `pause_seconds` after each batch, so that a small log lasts.
    """

    def __init__(self, settings: Settings, pause_seconds: float = _PAUSE_SECONDS) -> None:
        """Start it."""
        self.partitions: frozenset[int] = frozenset()
        heard, told = _processes.Pipe(duplex=False)
        self._process = _processes.Process(target=_work, args=(settings, pause_seconds, told))
        self._process.start()
        told.close()  # else its end would not be heard
        Thread(target=self._listen, args=(heard,), daemon=True).start()

    def hurry(self) -> None:
        """Let it rest no more."""
        assert self._process.pid is not None, "it was started"
        os.kill(self._process.pid, signal.SIGUSR1)

    def kill(self) -> int | None:
        """kill -9; returns its exit code."""
        self._process.kill()
        self._process.join(_END_SECONDS)
        return self._process.exitcode

    def _listen(self, heard: Connection) -> None:
        try:
            while True:
                self.partitions = heard.recv()
        except (EOFError, OSError):
            heard.close()


class _Talking(SharedJudge):
    told: Connection
    pause_seconds: float

    def process(self, partition: int, *args: object, **kwargs: object):  # type: ignore[no-untyped-def, override]  # handed on
        outcome = super().process(partition, *args, **kwargs)  # type: ignore[arg-type]  # as they came
        self.told.send(frozenset(self.spread.offsets))
        time.sleep(self.pause_seconds)
        return outcome


def _work(settings: Settings, pause_seconds: float, told: Connection) -> None:
    judge = _Talking(settings, REGISTER)
    judge.told, judge.pause_seconds = told, pause_seconds

    def hurry(*_: object) -> None:
        judge.pause_seconds = 0.0

    signal.signal(signal.SIGUSR1, hurry)
    run_worker(settings, judge)
    os._exit(0)
