"""Reading alerts as a team does: a consumer group in which each alert is answered by one of many readers.

This file needs redis-py and nothing of orderwatch, so that it can be copied into a team's own program. Groups in
use are `risk`, `promotions` and `notify`; each gets every alert, and may have as many readers as it likes.

The protocol
------------
1. `XGROUP CREATE stream group 0 MKSTREAM`, once. A group begins with all that the stream keeps.
2. `XREADGROUP … >` gives new entries; they are *pending* until `XACK`. After a start a reader first asks for its own
   pending ones (`XREADGROUP … 0`), so a reader's name should outlive its process.
3. An entry is acknowledged when its effects are done. The alert's id is marked done in the same transaction, and an
   id that is done is acknowledged unseen: the stream may hold an alert twice after a rebuild or a fail-over.
4. An entry that was pending for `stuck_after_seconds` belonged to a reader that died: `XAUTOCLAIM` takes it over. So
   handling what one poll gives must take less, and must be safe to do twice: the other may only have been slow.
5. An entry that was handed out `most_deliveries` times is parked on a stream of its own, with the count, for a person
   to look at: what kills its readers must not kill them for ever.
6. A reader that is silent for `forget_after_seconds` and has nothing pending is removed from the group.
"""

from __future__ import annotations

import logging
import os
import socket
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import ResponseError
from redis.exceptions import TimeoutError as RedisTimeoutError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from redis import Redis

log = logging.getLogger(__name__)

_BLOCK_SECONDS: Final = 2.0  # less than the 5 s after which a silent server counts as away
_STREAM_IS_GONE: Final = ("NOGROUP", "UNBLOCKED")  # before we asked, or while we waited
_UNREAD: Final = ">"
_FIRST: Final = "0-0"
# One script, since a silent reader may wake between the look and the removal, which would lose what it has read.
_FORGET_SILENT: Final = """
local forgotten = 0
for _, consumer in ipairs(redis.call('XINFO', 'CONSUMERS', KEYS[1], ARGV[1])) do
  local of = {}
  for i = 1, #consumer, 2 do of[consumer[i]] = consumer[i + 1] end
  if of.pending == 0 and of.idle > tonumber(ARGV[2]) and of.name ~= ARGV[3] then
    redis.call('XGROUP', 'DELCONSUMER', KEYS[1], ARGV[1], of.name)
    forgotten = forgotten + 1
  end
end
return forgotten
"""


@dataclass(frozen=True, slots=True)
class Entry:
    """One alert, handed to this reader. `data` is its whole CloudEvent as JSON; `deliveries` counts this one."""

    entry_id: str
    id: str
    kind: str
    severity: str
    status: str
    data: bytes
    deliveries: int = 1


@dataclass(frozen=True, slots=True)
class Patience:
    """When a reader gives up on another one, on an entry, and on remembering.

    `remember_seconds` : how long an id is known as done; as long as orderwatch's own `redis.claim_ttl_seconds`.
    """

    stuck_after_seconds: float = 60.0
    most_deliveries: int = 5
    forget_after_seconds: float = 86_400.0
    remember_seconds: int = 1_209_600
    retry_seconds: float = 1.0


class AlertReader:
    """One reader of a group.

    Parameters
    ----------
    redis
        A client of redis-py. Its `socket_timeout` must be longer than `block_seconds`.
    stream
        `redis.stream` of the worker's settings.
    group, name
        The team, and this reader among its others; by default the host's name and the process id.
    patience, batch
        When to give up on something, and most entries that one poll gives.

    >>> from redis import Redis
    >>> from stream.embedded import embedded_services
    >>> with embedded_services() as services, Redis.from_url(services.redis_url) as redis:
    ...     _ = redis.xadd("alerts", dict(id="a1", kind="price.low", severity="high", status="firing", data="{}"))
    ...     reader = AlertReader(redis, "alerts", "risk", "desk-1")
    ...     for entry in reader.poll():
    ...         print(entry.id, entry.kind)
    ...         reader.done(entry)
    ...     reader.poll(block_seconds=0.01)
    a1 price.low
    []
    """

    def __init__(
        self,
        redis: Redis,
        stream: str,
        group: str,
        name: str = "",
        *,
        patience: Patience | None = None,
        batch: int = 10,
    ) -> None:
        self._redis, self._stream, self._group = redis, stream, group
        self.name = name or f"{socket.gethostname()}-{os.getpid()}"
        self._patience = patience or Patience()
        self._batch = batch
        self._history: str | None = None  # the last of our own pending entries that was looked at; None: all were
        self._joined = False
        self._housekept = 0.0
        self._forget_silent = redis.register_script(_FORGET_SILENT)

    @property
    def parked_stream(self) -> str:
        """The stream on which entries end that were handed out too often. The braces keep it in the same slot."""
        return f"{{{self._stream}}}:parked:{self._group}"

    def poll(self, block_seconds: float = _BLOCK_SECONDS) -> list[Entry]:
        """Give what is to be handled now: our own from before, then those of dead readers, then new ones.

        Waits up to `block_seconds` for new ones, and may give nothing. Raises redis-py's errors while Redis is away;
        what was given and not `done` comes again.
        """
        try:
            if not self._joined:
                self._join()
            return self._own() or self._stuck() or self._new(block_seconds)
        except ResponseError as error:
            if not str(error).startswith(_STREAM_IS_GONE):
                raise
            self._joined = False  # the server has lost the stream: the next call begins anew
            return []

    def done(self, *entries: Entry) -> None:
        """Say that their effects are done. They come no more, neither here nor under another entry's number."""
        if entries:
            with self._redis.pipeline(transaction=True) as together:
                for entry in entries:
                    together.set(self._done_key(entry.id), "1", ex=self._patience.remember_seconds)
                together.xack(self._stream, self._group, *(entry.entry_id for entry in entries))
                together.execute()

    def run(self, handle: Callable[[Entry], None], *, is_over: Callable[[], bool] = lambda: False) -> None:
        """Handle alerts one by one until `is_over`; wait while Redis is away.

        An alert whose handling raises is logged and left pending: a reader of the group gets it again once it is
        stuck, and after `most_deliveries` it is parked.
        """
        block_seconds = min(_BLOCK_SECONDS, self._patience.stuck_after_seconds / 2)  # so as to look for stuck ones
        while not is_over():
            try:
                for entry in self.poll(block_seconds):
                    self._try(handle, entry)
            except (RedisConnectionError, RedisTimeoutError) as error:
                log.warning("Redis is away (%s), trying again every %g s", error, self._patience.retry_seconds)
                time.sleep(self._patience.retry_seconds)

    def _try(self, handle: Callable[[Entry], None], entry: Entry) -> None:
        try:
            handle(entry)
        except (RedisConnectionError, RedisTimeoutError):
            raise
        except Exception:
            log.exception("alert %s was not handled (delivery %d)", entry.id, entry.deliveries)
            return
        self.done(entry)

    def _join(self) -> None:
        try:
            self._redis.xgroup_create(self._stream, self._group, id="0", mkstream=True)
        except ResponseError as error:
            if not str(error).startswith("BUSYGROUP"):
                raise
        self._joined, self._history = True, _FIRST

    def _own(self) -> list[Entry]:
        """What an earlier process of our name left pending; each once."""
        while self._history is not None:
            entries = self._read(self._history)
            self._history = _text(entries[-1][0]) if entries else None
            fresh = self._fresh(entries, again=True)
            if fresh:
                return fresh
        return []

    def _stuck(self) -> list[Entry]:
        """What readers have not finished in time, ours or others'; looked for at half that time."""
        if time.monotonic() < self._housekept + self._patience.stuck_after_seconds / 2:
            return []
        stuck_ms = int(self._patience.stuck_after_seconds * 1000)
        _, claimed, *deleted = self._redis.xautoclaim(
            self._stream, self._group, self.name, min_idle_time=stuck_ms, count=self._batch
        )
        if deleted and deleted[0]:
            log.warning("%d alerts left the stream before group %s had done them", len(deleted[0]), self._group)
        if not claimed:  # else there may be more: look again at the next poll
            self._housekept = time.monotonic()
            self._forget()
        return self._fresh(claimed, again=True)

    def _new(self, block_seconds: float) -> list[Entry]:
        # a wait of 0 would be one without end
        return self._fresh(self._read(_UNREAD, max(1, int(block_seconds * 1000))), again=False)

    def _read(self, after: str, block_ms: int | None = None) -> Sequence[Any]:
        answer: Any = self._redis.xreadgroup(
            self._group, self.name, {self._stream: after}, count=self._batch, block=block_ms
        )
        if isinstance(answer, dict):  # the newer protocol: a mapping, and a list around each stream's entries
            return [entry for entries in answer.values() for part in entries for entry in part]
        return [entry for _, entries in answer or () for entry in entries]

    def _fresh(self, entries: Sequence[Any], *, again: bool) -> list[Entry]:
        """Of what was handed to us, what is to be handled; the rest is acknowledged here.

        `again` : it was handed out before.
        """
        whole = [(_text(entry_id), fields) for entry_id, fields in entries if fields and _is_alert(fields)]
        for entry_id, fields in entries:
            if fields and not _is_alert(fields):
                self._park_stranger(_text(entry_id), fields)
        gone = [_text(entry_id) for entry_id, fields in entries if not fields]
        if gone:  # trimmed from the stream while pending
            log.warning("%d alerts left the stream before group %s had done them", len(gone), self._group)
            self._redis.xack(self._stream, self._group, *gone)
        known = self._known([_text(fields[b"id"]) for _, fields in whole])
        deliveries = self._deliveries([entry_id for entry_id, _ in whole]) if again else [1] * len(whole)
        found = [_entry(*each, count) for each, count in zip(whole, deliveries, strict=True)]
        old = [entry.entry_id for entry in found if entry.id in known]
        if old:
            self._redis.xack(self._stream, self._group, *old)
        return list(self._without_hopeless(entry for entry in found if entry.id not in known))

    def _known(self, ids: Sequence[str]) -> set[str]:
        values: Any = self._redis.mget([self._done_key(each) for each in ids]) if ids else []
        return {each for each, value in zip(ids, values, strict=True) if value is not None}

    def _deliveries(self, entry_ids: Sequence[str]) -> list[int]:
        """How often each was handed out, this time included."""
        asked = self._redis.pipeline(transaction=False)
        for entry_id in entry_ids:
            asked.xpending_range(self._stream, self._group, entry_id, entry_id, count=1)
        return [found[0]["times_delivered"] if found else 1 for found in asked.execute()]

    def _without_hopeless(self, entries: Iterator[Entry]) -> Iterator[Entry]:
        for entry in entries:
            if entry.deliveries <= self._patience.most_deliveries:
                yield entry
            else:
                self._park(entry)

    def _park(self, entry: Entry) -> None:
        log.error("alert %s was handed out %d times and never done: parked", entry.id, entry.deliveries - 1)
        fields = {name: getattr(entry, name) for name in ("id", "kind", "severity", "status", "data")}
        self._put_aside(entry.entry_id, fields | {"deliveries": entry.deliveries - 1})

    def _park_stranger(self, entry_id: str, fields: Mapping[bytes, bytes]) -> None:
        """Put aside what somebody else has written into the stream: it is no alert, and stops no reader."""
        log.error("entry %s of the stream is no alert: parked", entry_id)
        self._put_aside(entry_id, {**fields, b"deliveries": b"0"})

    def _put_aside(self, entry_id: str, fields: dict[Any, Any]) -> None:
        with self._redis.pipeline(transaction=True) as together:
            together.xadd(self.parked_stream, fields)
            together.xack(self._stream, self._group, entry_id)
            together.execute()

    def _forget(self) -> None:
        silent_ms = int(self._patience.forget_after_seconds * 1000)
        self._forget_silent(keys=[self._stream], args=[self._group, silent_ms, self.name])

    def _done_key(self, alert_id: str) -> str:
        return f"{{{self._stream}}}:done:{self._group}:{alert_id}"


def _is_alert(fields: Mapping[bytes, bytes]) -> bool:
    try:
        _entry("", fields, 1)
    except (KeyError, UnicodeDecodeError):
        return False
    return True


def _entry(entry_id: str, fields: Mapping[bytes, bytes], deliveries: int) -> Entry:
    kind, severity, status = (_text(fields[name]) for name in (b"kind", b"severity", b"status"))
    return Entry(entry_id, _text(fields[b"id"]), kind, severity, status, fields[b"data"], deliveries)


def _text(value: bytes | str) -> str:
    return value if isinstance(value, str) else value.decode()
