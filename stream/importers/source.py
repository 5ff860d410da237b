"""What every importer needs: lines of a file that may be gzip, local times, money, events put in order."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from heapq import heappop, heappush
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar
from zoneinfo import ZoneInfo

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterator

R = TypeVar("R")
Event = dict[str, Any]
"""One event of the contract."""


class Unreadable(ValueError):
    """A line that is no record of the data set; the message names the file, the line and what is wrong."""


def records(path: Path | str, record: type[R]) -> Iterator[R]:
    """Read a JSON-lines file, one `record` a line; gzip by name. Empty lines are passed over.

    Raises OSError when the file can't be read, EOFError or zlib.error when it is cut off or no gzip at heart,
    Unreadable at the first line that is no such record.
    """
    path = Path(path)
    decode = msgspec.json.Decoder(record).decode
    with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as lines:
        for number, line in enumerate(lines, 1):
            if line.strip():
                try:
                    yield decode(line)
                except msgspec.DecodeError as error:
                    raise Unreadable(f"{path}: line {number}: {error}") from error


class LocalClock:
    """Local time without a zone -> UTC, in RFC 3339.

    Where the clock goes back an hour stands for two: the first is taken. Where it goes forward the hour that
    never was is taken as its end. So what was in order stays in order. The zone must be whole hours off UTC.

    >>> LocalClock("America/Sao_Paulo").utc("2017-11-24T00:30:00")
    '2017-11-24T02:30:00Z'
    """

    def __init__(self, zone: str) -> None:
        """Read times of the IANA `zone`."""
        self._zone = ZoneInfo(zone)
        self._hours: dict[str, tuple[str, bool]] = {}

    def utc(self, local: str) -> str:
        """`YYYY-MM-DDTHH:MM:SS` here -> the same instant in UTC."""
        hour = local[:13]
        known = self._hours.get(hour)
        if known is None:
            known = self._hours[hour] = self._hour(hour)
        begins, exists = known
        return f"{begins}{local[13:19]}Z" if exists else f"{begins}:00:00Z"

    def _hour(self, hour: str) -> tuple[str, bool]:
        naive = datetime.fromisoformat(f"{hour}:00:00")
        begins = naive.replace(tzinfo=self._zone).astimezone(UTC)
        exists = begins.astimezone(self._zone).replace(tzinfo=None) == naive
        return begins.strftime("%Y-%m-%dT%H"), exists


def minor(amount: float) -> int:
    """Amount of a two-decimal currency -> minor units, to the nearest.

    >>> minor(136.23), minor(-0.29)
    (13623, -29)
    """
    return round(amount * 100)


def money(amount_minor: int) -> str:
    """Minor units -> the contract's decimal string.

    >>> money(13623), money(-5)
    ('136.23', '-0.05')
    """
    whole, cents = divmod(abs(amount_minor), 100)
    return f"{'-' if amount_minor < 0 else ''}{whole}.{cents:02d}"


class InOrder:
    """Events of many overlapping lives -> one stream in order of `occurred_at`; ties as they were added.

    Holds only what lies ahead, so memory is that of the lives in progress.
    """

    def __init__(self) -> None:
        """Nothing waits."""
        self._heap: list[tuple[str, int, Event]] = []
        self._added = 0

    def add(self, event: Event) -> None:
        """Let `event` wait for its time."""
        heappush(self._heap, (event["occurred_at"], self._added, event))
        self._added += 1

    def until(self, occurred_at: str) -> Iterator[Event]:
        """Release what happened before `occurred_at`: no earlier event may be added any more."""
        while self._heap and self._heap[0][0] < occurred_at:
            yield heappop(self._heap)[2]

    def rest(self) -> Iterator[Event]:
        """Release everything."""
        while self._heap:
            yield heappop(self._heap)[2]
