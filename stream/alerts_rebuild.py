"""The Redis Stream from the Kafka alerts topic: what a server lost is put back, and nothing stands there twice.

The topic is the source of truth. Its latest alerts, as many as the stream keeps, are compared with the ids that
stand in the stream, and those that are missing are appended in the topic's order. Workers may run meanwhile: an
alert is put back only while its claim is what it was *before* the stream was looked at (compare and set in
restore.lua), so of a worker and a rebuild, or of two rebuilds, one succeeds.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import msgspec

from stream.alert_channel import claim_key, client
from stream.topic_log import open_log

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from config.sections import RedisSettings
    from config.settings import Settings

_RESTORE: Final = Path(__file__).with_name("restore.lua").read_bytes()
_ENTRY_IDS: Final = Path(__file__).with_name("entry_ids.lua").read_bytes()
_ALERTS_PER_CALL: Final = 100  # a script blocks the server while it runs: about 1 ms for so many
_ENTRIES_PER_LOOK: Final = 1000


class _Data(msgspec.Struct):
    kind: str
    severity: str
    status: str


class _Event(msgspec.Struct):
    """What of an alert's CloudEvent stands beside it in its entry."""

    id: str
    data: _Data


_read: Final = msgspec.json.Decoder(_Event).decode


@dataclass(slots=True)
class Rebuilt:
    """What a rebuild found. `restored`: put back (or, in a dry run, missing); `older`: more than the stream keeps."""

    read: int = 0
    restored: int = 0
    present: int = 0
    older: int = 0
    unreadable: int = 0


async def rebuild(
    settings: Settings,
    since_ms: int = 0,
    *,
    dry_run: bool = False,
    on_progress: Callable[[int, int], None] = lambda _read, _total: None,
) -> Rebuilt:
    """Put back what the stream lacks of the alerts topic, and say what was done.

    `since_ms` : only alerts that Kafka took later, in ms since the epoch. `on_progress` is called with how many
    messages were read, and about how many there are. Raises TopicError, KafkaError, RedisError; begin again after
    any of them.
    """
    done = Rebuilt()
    async with (
        _Stream(settings.redis, dry_run) as stream,
        open_log(settings, settings.kafka.alerts_topic, since_ms) as log,
    ):
        total, chunk = log.total, list[tuple[_Event, bytes]]()
        async for record in log:
            done.read += 1
            event = _event(record.value)
            if done.read <= total - settings.redis.stream_max_entries:
                done.older += 1
            elif event is None or record.value is None:
                done.unreadable += 1
            else:
                chunk.append((event, record.value))
            if len(chunk) == _ALERTS_PER_CALL:
                await stream.restore(chunk, done)
                chunk.clear()
                on_progress(done.read, total)
        await stream.restore(chunk, done)
        on_progress(done.read, done.read)
    return done


def _event(value: bytes | None) -> _Event | None:
    try:
        return _read(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


class _Stream:
    """The Redis Stream, and which ids stand in it."""

    def __init__(self, settings: RedisSettings, dry_run: bool) -> None:
        self._settings, self._dry_run = settings, dry_run
        self._redis = client(settings)
        self._restore = self._redis.register_script(_RESTORE)
        self._entry_ids = self._redis.register_script(_ENTRY_IDS)
        self._mark = f"rebuilt-{secrets.token_hex(8)}"
        self._looked_at = b""
        self._ids: set[str] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._redis.aclose()

    async def restore(self, events: Sequence[tuple[_Event, bytes]], done: Rebuilt) -> None:
        """Append those of `events` that are missing, in order."""
        if not events:
            return
        claims = await self._claims(events)
        await self._look()  # after the claims: what is claimed and not seen now is lost
        missing = [
            (event, data, claim)
            for (event, data), claim in zip(events, claims, strict=True)
            if event.id not in self._ids
        ]
        restored = self._count(missing) if self._dry_run else await self._append(missing)
        done.restored += restored
        done.present += len(events) - restored

    async def _claims(self, events: Sequence[tuple[_Event, bytes]]) -> list[bytes]:
        values: Any = await self._redis.mget([claim_key(self._settings, event.id) for event, _ in events])
        return [value or b"" for value in values]

    async def _look(self) -> None:
        """Learn the ids of the entries that came since the last look."""
        while True:
            last, *ids = await self._entry_ids([self._settings.stream], [self._looked_at, _ENTRIES_PER_LOOK])
            self._looked_at = last or self._looked_at
            self._ids.update(each.decode() for each in ids)
            if not last:
                return

    def _count(self, missing: Sequence[tuple[_Event, bytes, bytes]]) -> int:
        """How many would be appended; they count as present from then on."""
        ids = {event.id for event, _, _ in missing}
        self._ids |= ids
        return len(ids)

    async def _append(self, missing: Sequence[tuple[_Event, bytes, bytes]]) -> int:
        settings = self._settings
        keys = [settings.stream, *(claim_key(settings, event.id) for event, _, _ in missing)]
        arguments: list[Any] = [settings.stream_max_entries, settings.claim_ttl_seconds, self._mark]
        for event, data, claim in missing:
            arguments += (claim, event.id, event.data.kind, event.data.severity, event.data.status, data)
        restored: int = await self._restore(keys, arguments) if missing else 0
        return restored
