"""A network of our own, with a cable from each worker to Kafka and one to Redis that a test can pull.

`enter` runs the program again in Linux namespaces of its own for network and mounts (util-linux's `unshare`; as root,
or as any user where users may make namespaces). There Kafka and Redis have an address each, and each worker is in a
further network namespace, tied to both by a pair of virtual interfaces. A pulled cable is an interface that is down:
packets are lost both ways without a word, connections stay open. Everything is gone when the processes are.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from tests.parts.ports import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Server = Literal["kafka", "redis"]

ADDRESSES: Final[dict[Server, str]] = {"kafka": "10.199.0.1", "redis": "10.199.0.2"}
_INSIDE: Final = "IN_A_NETWORK_OF_ITS_OWN"  # our settings refuse what begins with their name
_SECONDS: Final = 10.0
_NETS: Final = 64  # of four addresses each, in the last byte


def is_ours() -> bool:
    """Whether this process is in namespaces of its own."""
    return _INSIDE in os.environ


def enter(module: str, arguments: Sequence[str]) -> None:
    """Go on in namespaces of our own; return where that is not permitted, or done."""
    if is_ours():
        for command in ("link set lo up", *(f"address add {each}/32 dev lo" for each in ADDRESSES.values())):
            _ip(command)
        return
    command = ["unshare", "--net", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"])]
    if shutil.which("ip") is None or shutil.which("nsenter") is None or shutil.which("unshare") is None:
        return
    if subprocess.run([*command, "true"], capture_output=True, check=False).returncode == 0:
        environment = {**os.environ, _INSIDE: "1"}
        os.execvpe("unshare", [*command, sys.executable, "-m", module, *arguments], environment)


def address(server: Server) -> str:
    """Where a server is to listen."""
    return ADDRESSES[server] if is_ours() else HOST


_numbers: Iterator[int] = count()


class Cabled:
    """A process in a network of its own, if there are such; else one like any other, without cables."""

    def __init__(self, command: Sequence[str], **options: Any) -> None:
        """Start it and lay its cables."""
        first = ["unshare", "--net", "--"] if is_ours() else []
        self.process: subprocess.Popen[bytes] = subprocess.Popen([*first, *command], **options)
        if is_ours():
            self._wait_until_apart()
            self._inside("ip link set lo up")
            for server in ADDRESSES:
                self._lay(server)

    def pull(self, server: Server) -> None:
        """Cut the way to a server."""
        _ip(f"link set {self._name(server)} down")

    def plug(self, server: Server) -> None:
        """Mend it."""
        _ip(f"link set {self._name(server)} up")

    def _lay(self, server: Server) -> None:
        high, low = divmod(next(_numbers), _NETS)
        here, there, name = f"10.200.{high}.{4 * low + 1}", f"10.200.{high}.{4 * low + 2}", self._name(server)
        _ip(f"link add {name} type veth peer name {server} netns {self.process.pid}")
        _ip(f"address add {here}/30 dev {name}")
        _ip(f"link set {name} up")
        self._inside(f"ip address add {there}/30 dev {server}")
        self._inside(f"ip link set {server} up")
        self._inside(f"ip route add {ADDRESSES[server]}/32 via {here}")

    def _name(self, server: Server) -> str:
        return f"{server[0]}{self.process.pid}"

    def _inside(self, command: str) -> None:
        _run(["nsenter", "--target", str(self.process.pid), "--net", *command.split()])

    def _wait_until_apart(self) -> None:
        deadline = time.monotonic() + _SECONDS
        while _namespace(self.process.pid) == _namespace(os.getpid()):
            if time.monotonic() > deadline:
                raise TimeoutError(f"no network namespace within {_SECONDS:g} s")
            time.sleep(0.005)


def _namespace(pid: int) -> str:
    return str(Path(f"/proc/{pid}/ns/net").readlink())


def _ip(command: str) -> None:
    _run(["ip", *command.split()])


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip()}")
