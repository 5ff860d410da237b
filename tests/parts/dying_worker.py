"""A worker in a process of its own, on the small shop's settings, that may kill itself while it saves its state.

python -m tests.parts.dying_worker < pickled Life

It writes a line for each batch that it has judged, the number of its partition, and where `web.on`, "ready" when it
stands by with the state read and "busy" when it does not. SIGUSR1 ends its rests, SIGUSR2 its life, in the middle of
one of its next writes. With `shuffle.on` it shares the partitions with others.
"""

from __future__ import annotations

import asyncio
import http.client
import os
import pickle
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, Final, cast

from stream.checkpoint.changelog import Changelog
from stream.engine.flow import Flow
from stream.engine.worker import run_worker
from stream.pipeline import Pipeline
from stream.shuffle.judge import SharedJudge
from tests.small_shop import REGISTER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from config.promotions import PromotionRegister
    from config.settings import Settings
    from stream.checkpoint.marker import Key

_LOOK_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Life:
    """How a worker lives. `dies_at`: the number of the write to the changelog in the middle of which it dies.

    `dies_after` : the same, counted from SIGUSR2 on. `pause_seconds` : what it rests after each batch, so that a small
    log lasts.
    """

    settings: Settings
    until_caught_up: bool = False
    dies_at: int | None = None
    dies_after: int = 1
    pause_seconds: float = 0.0
    promotions: PromotionRegister = REGISTER


class DyingChangelog(Changelog):
    """Sends half of the records of one write, sees them safe, and dies."""

    dies_at: int | None = None
    writes = 0

    async def write(self, records: Iterable[tuple[Key, bytes | None]]) -> int:
        all_ = list(records)
        DyingChangelog.writes += 1
        if DyingChangelog.writes != self.dies_at:
            return await super().write(all_)
        await super().write(all_[: len(all_) // 2])
        os.kill(os.getpid(), signal.SIGKILL)
        return 0


COMMAND: Final = (sys.executable, "-m", "tests.parts.dying_worker")
ROOT: Final = Path(__file__).parents[2]


def started(life: Life) -> subprocess.Popen[bytes]:
    """Start such a worker."""
    process = subprocess.Popen(COMMAND, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=ROOT)
    begin(process, life)
    return process


def begin(process: subprocess.Popen[bytes], life: Life) -> None:
    """Tell a process that was started by `COMMAND` how to live."""
    stdin = cast("BinaryIO", process.stdin)
    stdin.write(pickle.dumps(life))
    stdin.close()


class _Telling(Flow):
    pause_seconds = 0.0

    async def judge(self, batch) -> None:  # type: ignore[no-untyped-def]  # handed on
        await super().judge(batch)
        os.write(1, b"%d\n" % batch.tp.partition)
        await asyncio.sleep(self.pause_seconds)


def _tell_whether_ready(port: int) -> None:
    """Ask our own /readyz, again and again, and write a line when the answer has become another."""
    told, rest = b"busy\n", threading.Event()
    while True:
        now = b"ready\n" if "behind their state" in _ready(port) else b"busy\n"
        if now != told:
            os.write(1, now)
            told = now
        rest.wait(_LOOK_SECONDS)  # under libfaketime, time.sleep can fail when the clock jumps


def _ready(port: int) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/readyz")
        return connection.getresponse().read().decode()
    except OSError:
        return ""
    finally:
        connection.close()


def _hurry(*_: object) -> None:
    _Telling.pause_seconds = 0.0


def main() -> None:
    life: Life = pickle.load(sys.stdin.buffer)
    import stream.engine.app as engine

    def die_soon(*_: object) -> None:
        DyingChangelog.dies_at = DyingChangelog.writes + life.dies_after

    signal.signal(signal.SIGUSR1, _hurry)
    signal.signal(signal.SIGUSR2, die_soon)
    DyingChangelog.dies_at = life.dies_at
    _Telling.pause_seconds = life.pause_seconds
    # the worker's own parts: its way to Kafka cut short, and its steps told and slower
    engine.Changelog, engine.Flow = DyingChangelog, _Telling  # type: ignore[misc]
    if life.settings.web.on:
        threading.Thread(target=_tell_whether_ready, args=(life.settings.web.port,), daemon=True).start()
    kind = SharedJudge if life.settings.shuffle.on else Pipeline
    run_worker(life.settings, kind(life.settings, promotions=life.promotions), until_caught_up=life.until_caught_up)
    os._exit(0)


if __name__ == "__main__":
    # pickle finds `Life` under its module's name
    from tests.parts import dying_worker

    dying_worker.main()
