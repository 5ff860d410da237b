"""A server as a child process that ends with us whatever ends us, and that a test can kill, stop and resume.

Beside the server runs a small shell that knows its pid and waits on a pipe whose other end only this process
holds: the kernel closes it when we exit, crash or are killed with -9, and the shell then kills the server's
group. (`PR_SET_PDEATHSIG` fires when the *thread* that started the server ends, and tests start them in any.)
Unlike the guard of stream/embedded.py the shell is beside the server, not above it, because a test's SIGSTOP
must reach the server and nothing else.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Final

from tests.parts.needs import RealPartsError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

# `read` fails when the pipe is closed
_GUARD: Final = 'read -r server; read -r _; kill -9 "-$server"'
_LOOK_SECONDS: Final = 0.01


class GuardedProcess:
    """One run of a server. Its output goes to the file `log`, which a new run begins anew."""

    def __init__(self, command: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        self._log = log
        # before the server: there is no moment at which it runs unguarded and we could be killed for long
        self._guard = subprocess.Popen(["/bin/sh", "-c", _GUARD], stdin=subprocess.PIPE, start_new_session=True)
        try:
            with log.open("wb") as output:
                self._server = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # a Ctrl-C at the terminal is for us
                    env={"PATH": os.environ.get("PATH", os.defpath), **environment},
                )
        except OSError:
            self._end_guard()
            raise
        assert self._guard.stdin is not None
        self._guard.stdin.write(b"%d\n" % self._server.pid)
        self._guard.stdin.flush()

    @property
    def pid(self) -> int:
        """The process id of the server itself."""
        return self._server.pid

    def wait_until_said(self, word: bytes, seconds: float) -> None:
        """Wait for `word` in the output: the server's own, since a stranger may hold its port."""
        deadline = time.monotonic() + seconds
        while word not in self._log.read_bytes():
            if self._server.poll() is not None or time.monotonic() > deadline:
                state = "runs" if self._server.returncode is None else f"ended with {self._server.returncode}"
                said = first_fault(self._log.read_text(errors="replace"))
                raise RealPartsError(f"{self._log.stem} did not start within {seconds:g} s and {state}: {said}")
            time.sleep(_LOOK_SECONDS)

    def pause(self) -> None:
        """SIGSTOP: its connections stay open, and nobody answers."""
        self._server.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT."""
        self._server.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        """SIGKILL, paused or not, and gone when this returns. Nothing to do if it is gone already."""
        if self._server.poll() is None:
            self._server.kill()
            self._server.wait()
        self._end_guard()

    def stop(self, seconds: float = 30.0) -> None:
        """SIGTERM: an orderly end, by force after `seconds`."""
        self._server.terminate()
        try:
            self._server.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
        self._end_guard()

    def _end_guard(self) -> None:
        self._guard.kill()  # before its pipe closes: the pid it knows may soon be another's
        self._guard.wait()
        assert self._guard.stdin is not None
        self._guard.stdin.close()


def first_fault(said: str) -> str:
    """The line in which a server says why it ends: the first that names an error, or else its last."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    return next((line for line in lines if "ERROR" in line or "Exception" in line), (lines or ["it said nothing"])[-1])
