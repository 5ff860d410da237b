"""A Redis-compatible server that a test can kill, pause, empty and start again on the same port."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final, Self

import redis

from tests.parts.guarded import GuardedProcess
from tests.parts.ports import HOST, free_ports

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from tests.parts.authority import Certificate

_START_SECONDS: Final = 15.0
_MEMORY_ONLY: Final = ("--save", "", "--appendonly", "no")


class RedisServer:
    """`binary` is a redis-server or a valkey-server; `options` are words of its command line, after ours.

    `tls`: it talks TLS only, with that certificate. `authority`: it also asks clients for one of that authority.

    Keeps everything in memory unless the options say otherwise, so that a restart is an empty server. The
    folder is the server's own and goes away with the block. Entering the block starts it.
    """

    def __init__(
        self,
        binary: str,
        *,
        port: int | None = None,
        options: Sequence[str] = (),
        tls: Certificate | None = None,
        authority: Path | None = None,
        host: str = HOST,
    ) -> None:
        self.port = port or free_ports(1)[0]
        self._binary, self._host = binary, host
        self._options = options
        self._tls = tls
        self._authority = authority
        self._folder = tempfile.TemporaryDirectory(prefix="orderwatch-redis-")
        self._process: GuardedProcess | None = None

    @property
    def url(self) -> str:
        """In the form of `redis.url`."""
        return f"{'redis' if self._tls is None else 'rediss'}://{self._host}:{self.port}/0"

    @property
    def process(self) -> GuardedProcess:
        """The server's process, to be paused and resumed."""
        assert self._process is not None, "not started"
        return self._process

    def start(self) -> None:
        """Start, or start again after `kill`; it takes commands when this returns."""
        folder = Path(self._folder.name)
        where = ["--bind", self._host, *self._listeners(), "--dir", str(folder), "--daemonize", "no"]
        command = [self._binary, *where, *_MEMORY_ONLY, *self._options]
        self._process = GuardedProcess(command, folder / "redis-server.log", {})
        self._process.wait_until_said(b"Ready to accept connections", _START_SECONDS)

    def _listeners(self) -> list[str]:
        if self._tls is None:
            return ["--port", str(self.port)]
        asked = "no" if self._authority is None else "yes"
        files = ["--tls-cert-file", str(self._tls.certfile), "--tls-key-file", str(self._tls.keyfile)]
        trusted = ["--tls-ca-cert-file", str(self._authority or self._tls.certfile), "--tls-auth-clients", asked]
        return ["--port", "0", "--tls-port", str(self.port), *files, *trusted]

    def kill(self) -> None:
        """SIGKILL."""
        self.process.kill()

    def empty(self) -> None:
        """Forget everything, scripts too, as a server that came back with nothing."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()
            client.script_flush()

    def end(self) -> None:
        """Kill it if it runs, and remove its folder."""
        if self._process is not None:
            self._process.kill()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()
