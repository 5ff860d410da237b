"""A worker in a process of its own that shares the small shop's log with others.

python -m tests.parts.sharing_worker < pickled settings
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import time
from pathlib import Path
from threading import Thread
from typing import TYPE_CHECKING, BinaryIO, cast

from stream.engine.worker import run_worker
from stream.shuffle.judge import SharedJudge
from tests.small_shop import REGISTER

if TYPE_CHECKING:
    from config.settings import Settings

_ROOT = Path(__file__).parents[2]
_PAUSE_SECONDS = 0.02  # after each batch, so that a small log lasts


class Member:
    """Such a worker, and the partitions that it said it had when it judged its last batch."""

    def __init__(self, settings: Settings) -> None:
        """Start it."""
        self.process = _started(settings)
        self.partitions: frozenset[int] = frozenset()
        self.batches = 0
        Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        for line in cast("BinaryIO", self.process.stdout):
            self.partitions = frozenset(map(int, line.split()))
            self.batches += 1


def _started(settings: Settings) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "tests.parts.sharing_worker"]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=_ROOT)
    stdin = cast("BinaryIO", process.stdin)
    stdin.write(pickle.dumps(settings))
    stdin.close()
    return process


class _Talking(SharedJudge):
    def process(self, partition: int, *args: object, **kwargs: object):  # type: ignore[no-untyped-def, override]  # handed on
        outcome = super().process(partition, *args, **kwargs)  # type: ignore[arg-type]  # as they came
        os.write(1, b" ".join(b"%d" % number for number in self.spread.offsets) + b"\n")
        time.sleep(_PAUSE_SECONDS)
        return outcome


if __name__ == "__main__":
    own: Settings = pickle.load(sys.stdin.buffer)
    run_worker(own, _Talking(own, REGISTER))
    os._exit(0)
