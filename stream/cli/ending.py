"""How a command ends: which errors are the caller's, which the world's, and what is said of them."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

USAGE = 2
FAILURE = 1


class UnusableFile(Exception):
    """A file that was named cannot be read or written; the message names it and says why."""


@dataclass(frozen=True, slots=True)
class Ending:
    """Exit code and the one line that goes with it."""

    code: int
    line: str


def ending_of(error: Exception) -> Ending | None:
    """Say how `error` ends the command, or None when nobody outside could have prevented it."""
    code = _code(error)
    return None if code is None else Ending(code, " ".join(str(error).split()) or type(error).__name__)


def _code(error: Exception) -> int | None:
    from config.errors import ConfigRefused
    from stream.importers.source import Unreadable

    if isinstance(error, ConfigRefused | UnusableFile | Unreadable):
        return USAGE
    from aiokafka.errors import KafkaError
    from redis.exceptions import RedisError

    from stream.embedded import EmbeddedError
    from stream.engine.topics import TopicError
    from stream.engine.web import WebError

    outside = KafkaError | RedisError | EmbeddedError | TopicError | WebError | OSError
    return FAILURE if isinstance(error, outside) else None


@contextmanager
def reader_may_leave() -> Iterator[None]:
    """Stop in silence when whoever reads our output has had enough (`… | head`): that is no failure."""
    try:
        yield
        sys.stdout.flush()
    except BrokenPipeError:
        # Python flushes once more as it ends, and would say that the pipe is broken
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
