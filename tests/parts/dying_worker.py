"""A worker in a process of its own, on the small shop's settings, that may kill itself while it saves its state.

python -m tests.parts.dying_worker < pickled Life
"""

from __future__ import annotations

import os
import pickle
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from stream.checkpoint.changelog import Changelog
from stream.engine.worker import run_worker
from stream.pipeline import Pipeline
from tests.small_shop import REGISTER

if TYPE_CHECKING:
    from collections.abc import Iterable

    from config.promotions import PromotionRegister
    from config.settings import Settings
    from stream.checkpoint.marker import Key

_ROOT = Path(__file__).parents[2]


@dataclass(frozen=True, slots=True)
class Life:
    """How a worker lives. `dies_at`: the number of the write to the changelog in the middle of which it dies.

    `pause_seconds` : what it rests after each batch, so that a small log lasts.
    """

    settings: Settings
    until_caught_up: bool = False
    dies_at: int | None = None
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


def started(life: Life) -> subprocess.Popen[bytes]:
    """Start such a worker; it writes a line for each batch that it has judged."""
    command = [sys.executable, "-m", "tests.parts.dying_worker"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_ROOT)
    stdin = cast("BinaryIO", process.stdin)
    stdin.write(pickle.dumps(life))
    stdin.close()
    return process


class _Talking(Pipeline):
    pause_seconds = 0.0

    def process(self, *args: object, **kwargs: object):  # type: ignore[no-untyped-def, override]  # handed on
        outcome = super().process(*args, **kwargs)  # type: ignore[arg-type]  # as they came
        os.write(1, b"%d\n" % outcome.events)
        time.sleep(self.pause_seconds)
        return outcome


def main() -> None:
    life: Life = pickle.load(sys.stdin.buffer)
    import stream.engine.app as engine

    DyingChangelog.dies_at = life.dies_at
    _Talking.pause_seconds = life.pause_seconds
    engine.Changelog = DyingChangelog  # type: ignore[misc]  # the worker's own way to Kafka, cut short
    run_worker(life.settings, _Talking(life.settings, promotions=life.promotions), until_caught_up=life.until_caught_up)
    os._exit(0)


if __name__ == "__main__":
    # pickle finds `Life` under its module's name
    from tests.parts import dying_worker

    dying_worker.main()
