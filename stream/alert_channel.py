"""Alerts in Redis: a stream that keeps them, a Pub/Sub channel that is quick, and each id once.

The Kafka topic is the source of truth. A worker that died between the two publishes the same alerts again
after its restart, so the id is claimed in the same Lua script that appends: the second time changes nothing.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from redis.asyncio import Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import NoScriptError
from redis.exceptions import TimeoutError as RedisTimeoutError

from stream.redis_access import access

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping, Sequence

    from config.sections import RedisSettings
    from stream.alert import Alert

log = logging.getLogger(__name__)

_SCRIPT = Path(__file__).with_name("claim.lua").read_bytes()
_SHA = hashlib.sha1(_SCRIPT, usedforsecurity=False).hexdigest()  # the name that Redis gives a loaded script
_ALERTS_PER_CALL = 100  # a script blocks the server while it runs: about 1 ms for so many
_BLOCK_MS = 2000  # less than the answer's limit, or a quiet stream would look like a dead server


@dataclass(frozen=True, slots=True)
class Delivered:
    """One entry of the Redis Stream. `data` is the whole CloudEvent as JSON."""

    entry_id: str
    id: str
    kind: str
    severity: str
    status: str
    data: bytes


class AlertChannel:
    """Writes alerts to Redis and reads them back. All but `follow` raise its errors while Redis is away."""

    def __init__(self, settings: RedisSettings) -> None:
        self._settings = settings
        self._redis = client(settings)

    async def publish(self, alerts: Sequence[Alert]) -> int:
        """Append and announce the alerts whose id is not known yet, in order; return how many were new.

        One round trip. Safe to repeat with the same alerts after any failure.
        """
        calls = [alerts[at : at + _ALERTS_PER_CALL] for at in range(0, len(alerts), _ALERTS_PER_CALL)]
        try:
            return await self._run(calls)
        except NoScriptError:  # a fresh server, or one that was restarted
            await self._redis.script_load(_SCRIPT)
            return await self._run(calls)

    async def follow(self, last_id: str = "$") -> AsyncIterator[Delivered]:
        """Yield the entries after `last_id` (`$`: from now on, `0`: all that are kept), for ever.

        Waits while Redis is away, and goes on where it was.
        """
        position = "" if last_id == "$" else last_id
        while True:
            try:
                position = position or await self._newest_id()
                streams = await self._redis.xread({self._settings.stream: position}, block=_BLOCK_MS)
            except (RedisConnectionError, RedisTimeoutError):
                await asyncio.sleep(self._settings.retry_seconds)
                continue
            for entry_id, entry in _entries(streams):
                position = entry_id
                if entry is not None:
                    yield entry

    async def recent(self, count: int) -> list[Delivered]:
        """The last `count` entries, oldest first."""
        newest_first: Any = await self._redis.xrevrange(self._settings.stream, count=count)
        entries = [_delivered(*entry) for entry in reversed(newest_first)]
        return [entry for entry in entries if entry is not None]

    async def size(self) -> int:
        """Number of entries that the stream keeps."""
        size: int = await self._redis.xlen(self._settings.stream)
        return size

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def _run(self, calls: Sequence[Sequence[Alert]]) -> int:
        pipeline = self._redis.pipeline(transaction=False)
        for alerts in calls:
            keys, arguments = self._call(alerts)
            pipeline.evalsha(_SHA, len(keys), *keys, *arguments)
        return sum(await pipeline.execute())

    def _call(self, alerts: Sequence[Alert]) -> tuple[list[str], list[str | int | bytes]]:
        """Keys and arguments of claim.lua."""
        settings = self._settings
        keys = [settings.stream, *(claim_key(settings, alert.id) for alert in alerts)]
        arguments: list[str | int | bytes] = [
            settings.stream_max_entries,
            settings.claim_ttl_seconds,
            settings.channel,
        ]
        for alert in alerts:
            arguments += (alert.id, alert.kind, alert.severity, alert.status, alert.data)
        return keys, arguments

    async def _newest_id(self) -> str:
        # XREAD's own `$` means "now" anew at each call, and would miss what came between two calls
        newest: Any = await self._redis.xrevrange(self._settings.stream, count=1)
        return str(newest[0][0], "ascii") if newest else "0"


def claim_key(settings: RedisSettings, alert_id: str) -> str:
    """The key that says that an alert was delivered. The braces put it into the stream's own hash slot."""
    return f"{{{settings.stream}}}:claim:{alert_id}"


def client(settings: RedisSettings) -> Redis:
    """A client that tries again once, since a connection may have been closed while idle."""
    return Redis.from_url(**access(settings), retry=Retry(NoBackoff(), retries=1))


def _entries(streams: Any) -> Iterator[tuple[str, Delivered | None]]:
    for _, entries in streams.items() if isinstance(streams, dict) else streams or ():
        for entry_id, fields in entries:
            yield entry_id.decode(), _delivered(entry_id, fields)


def _delivered(entry_id: bytes, fields: Mapping[bytes, bytes]) -> Delivered | None:
    """The alert of an entry; None for what a stranger has written, which must not stop who reads the stream."""
    try:
        texts = {name: fields[name.encode()].decode() for name in ("id", "kind", "severity", "status")}
        return Delivered(entry_id=entry_id.decode(), data=fields[b"data"], **texts)
    except (KeyError, UnicodeDecodeError):
        log.warning("entry %s of the stream is no alert", entry_id.decode())
        return None
