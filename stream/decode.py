"""Bytes -> columns, or dead letters. Nothing is lost here, nothing stops a partition, no event counts twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NoReturn

import msgspec
import numpy as np

from config.sections import DecodeSettings
from features.batch import Batch
from features.event import AnyEvent, decode_event
from features.money import Malformed
from features.tabulate import tabulate
from stream.dead_letter import DeadLetter
from stream.duplicates import SeenEvents
from stream.record import Record
from stream.refusal import explain


class _Envelope(msgspec.Struct):
    """A structured-mode CloudEvent around an order event."""

    specversion: str
    data: msgspec.Raw


_envelope = msgspec.json.Decoder(_Envelope)


@dataclass(slots=True)
class Decoded:
    """What some records held."""

    batch: Batch
    dead_letters: list[DeadLetter]
    duplicates: int


class Decoder:
    """Decodes the records of one partition.

    Parameters
    ----------
    partition
        Its number, for dead letters.
    settings
        Sizes and times that are still possible, and how many event ids are remembered.
    now_ms
        The clock that a record without a timestamp of its own is held against.
    """

    def __init__(
        self,
        partition: int,
        settings: DecodeSettings,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        """Start without memory of any event."""
        self._partition = partition
        self._settings = settings
        self._now_ms = now_ms
        self._ahead_ms = int(settings.max_ahead_seconds * 1000)
        self._seen = SeenEvents(settings.duplicate_window_events)

    def decode(self, records: Sequence[Record]) -> Decoded:
        """Columns of the events that are new, dead letters for what is no event."""
        events: list[AnyEvent] = []
        kept: list[Record] = []
        dead: list[DeadLetter] = []
        duplicates = 0
        is_new = self._seen.is_new
        largest = self._settings.max_event_bytes
        for record in records:
            value = record.value
            try:
                event = decode_event(value if value is not None and len(value) <= largest else self._refuse(value))
            except (msgspec.MsgspecError, Malformed, UnicodeDecodeError, RecursionError) as error:
                opened = self._open(value)
                if opened is None:
                    dead.append(self._dead(record, error))
                    continue
                event = opened
            if is_new(event.event_id):
                events.append(event)
                kept.append(record)
            else:
                duplicates += 1
        return Decoded(self._columns(events, kept, dead), dead, duplicates)

    def _columns(self, events: list[AnyEvent], records: list[Record], dead: list[DeadLetter]) -> Batch:
        """Tabulate; where one event spoils the batch, find it and go on without it."""
        try:
            batch = tabulate(events)
        except Malformed:
            return self._columns(*self._sifted(events, records, dead), dead)
        impossible = self._impossible_times(batch, records)
        if impossible:
            for i, why in impossible.items():
                self._seen.forget(events[i].event_id)
                dead.append(self._dead(records[i], Malformed(why)))
            good = [i for i in range(len(events)) if i not in impossible]
            return self._columns([events[i] for i in good], [records[i] for i in good], dead)
        batch.offset = np.array([record.offset for record in records], np.int64)
        return batch

    def _sifted(
        self, events: list[AnyEvent], records: list[Record], dead: list[DeadLetter]
    ) -> tuple[list[AnyEvent], list[Record]]:
        good: list[int] = []
        for i, event in enumerate(events):
            try:
                tabulate([event])
                good.append(i)
            except Malformed as error:
                self._seen.forget(event.event_id)
                dead.append(self._dead(records[i], error))
        return [events[i] for i in good], [records[i] for i in good]

    def _impossible_times(self, batch: Batch, records: list[Record]) -> dict[int, str]:
        """Events from before the shop or from the future; one of these would push the clock beyond all others."""
        if not len(batch):
            return {}
        told = np.array([record.timestamp for record in records], np.int64)
        latest = np.where(told > 0, told, self._now_ms()) + self._ahead_ms
        early, ahead = batch.time_ms < self._settings.earliest_ms, batch.time_ms > latest
        refused = dict.fromkeys(
            np.flatnonzero(early).tolist(), f"is before {self._settings.earliest:%Y-%m-%d} (decode.earliest)"
        )
        limit = f"is more than {self._settings.max_ahead_seconds:g} s ahead of its arrival (decode.max_ahead_seconds)"
        refused |= dict.fromkeys(np.flatnonzero(ahead).tolist(), limit)
        return {i: f"occurred_at {np.datetime64(int(batch.time_ms[i]), 'ms')}Z {why}" for i, why in refused.items()}

    def _open(self, value: bytes | None) -> AnyEvent | None:
        """The event inside a CloudEvent, if this is one."""
        if value is None or len(value) > self._settings.max_event_bytes:
            return None
        try:
            return decode_event(_envelope.decode(value).data)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return None

    def _refuse(self, value: bytes | None) -> NoReturn:
        """Say what is wrong with a message that is empty or too large."""
        if value is None:
            raise Malformed("message is empty")
        limit = f"{self._settings.max_event_bytes} (decode.max_event_bytes)"
        raise Malformed(f"message of {len(value)} bytes is over {limit}")

    def _dead(self, record: Record, error: Exception) -> DeadLetter:
        message = explain(record.value or b"", error) if isinstance(error, ValueError) else str(error)
        return DeadLetter(
            value=record.value,
            key=record.key,
            partition=self._partition,
            offset=record.offset,
            timestamp=record.timestamp,
            error_class=type(error).__name__,
            error_message=message,
        )
