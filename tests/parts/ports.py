"""Free loopback ports that stay ours while a server that a test killed is away."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack
from typing import Final

HOST: Final = "127.0.0.1"
# Below the ports that Linux gives to outgoing connections. A client that tries again and again to reach a dead
# server on one of those can be given that very port as its own, and then keeps the server from coming back.
_RANGE: Final = range(20_000, 32_000)
_ATTEMPTS: Final = 1_000


def free_ports(count: int) -> list[int]:
    """Distinct ports on which nobody listened a moment ago."""
    found: list[int] = []
    with ExitStack() as held:
        for port in random.sample(_RANGE, _ATTEMPTS):
            probe = held.enter_context(socket.socket())
            try:
                probe.bind((HOST, port))
            except OSError:
                continue
            found.append(port)
            if len(found) == count:
                return found
    raise OSError(f"found {len(found)} of {count} free ports in {_RANGE}")
