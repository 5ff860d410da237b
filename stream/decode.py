"""Bytes -> columns, or dead letters. Nothing is lost here, nothing stops a partition, no event counts twice."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np

from config.sections import DecodeSettings
from features.batch import Batch
from features.duplicates import SeenEvents
from features.intake import Intake
from features.selection import selected
from features.state import State
from features.tabulate import tabulate
from features.wire.tables import EVENT_EVENT_ID, EVENT_MESSAGE, HASH
from stream.dead_letter import DeadLetter
from stream.record import Record
from stream.refusal import explain

_timestamp, _offset = attrgetter("timestamp"), attrgetter("offset")


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
        self._now_ms = now_ms
        self._intake = Intake(settings)
        self._seen = SeenEvents(settings.duplicate_window_events)

    def decode(self, records: Sequence[Record]) -> Decoded:
        """Columns of the events that are new, dead letters for what is no event."""
        n = len(records)
        told = np.fromiter(map(_timestamp, records), np.int64, n)
        taken = self._intake.take([record.value or b"" for record in records], np.where(told > 0, told, self._now_ms()))
        keep, tables = taken.possible, taken.tables
        keep[keep] = self._seen.are_new(tables.events[EVENT_EVENT_ID + HASH][keep])
        batch = tabulate(tables if keep.all() else selected(tables, keep))
        message = tables.events[EVENT_MESSAGE][keep]
        batch.offset = np.fromiter(map(_offset, records), np.int64, n)[message]
        if n and told.max() > 0:
            batch.arrived_ms = told[message]
        dead = [self._dead(records[i], taken.refused[i]) for i in sorted(taken.refused)]
        return Decoded(batch, dead, duplicates=n - len(batch) - len(dead))

    def get_state(self) -> State:
        """The events that would be known again."""
        return self._seen.get_state()

    def set_state(self, state: State) -> None:
        """Go on with that memory."""
        self._seen.set_state(state)

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
