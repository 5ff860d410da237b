"""The business's hour of the week, for panes numbered from the epoch."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np

if TYPE_CHECKING:
    from models.volume_findings import F64, I64

_QUARTER_SECONDS = 900  # every zone's offset in force today changes at a whole quarter of an hour
_HOUR_SECONDS = 3600
_DAYS_TO_MONDAY = 3  # 1970-01-01 was a Thursday
HOURS_OF_WEEK = 168


class BusinessClock:
    """Maps panes to the hour of the week (0 = Monday 00:00 to 01:00) on the wall clock of a time zone.

    The offset is looked up for each pane's own instant, so that the hour that a daylight-saving change skips
    or repeats is the one people lived through.

    >>> clock = BusinessClock("Europe/Berlin", pane_seconds=3600)
    >>> saturday_noon_utc = 1_711_800_000 // 3600  # 2024-03-30 12:00 UTC, the day before the clocks change
    >>> [int(h) % 24 for h in clock.hours(saturday_noon_utc, saturday_noon_utc + 1)[0]]
    [13]
    >>> [int(h) % 24 for h in clock.hours(saturday_noon_utc + 24, saturday_noon_utc + 25)[0]]
    [14]
    """

    def __init__(self, timezone: str = "UTC", *, pane_seconds: int = 60) -> None:
        try:
            self._zone = ZoneInfo(timezone)
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise ValueError(f"time zone {timezone!r} is not known; set time.business_timezone") from error
        self._fixed_seconds = 0 if timezone == "UTC" else None
        self._pane_seconds = pane_seconds

    def hours(self, first_pane: int, end_pane: int) -> tuple[I64, F64]:
        """Hour of the week and the share of that hour gone at the middle of the pane, of each pane."""
        starts = np.arange(first_pane, end_pane, dtype=np.int64) * self._pane_seconds
        local = starts + self._offsets(starts)
        hour = (local // _HOUR_SECONDS + _DAYS_TO_MONDAY * 24) % HOURS_OF_WEEK
        gone = (local % _HOUR_SECONDS + min(self._pane_seconds, _HOUR_SECONDS) / 2) / _HOUR_SECONDS
        return hour, gone

    def _offsets(self, starts: I64) -> I64:
        """Seconds ahead of UTC at each of the ascending instants."""
        if self._fixed_seconds is not None or starts.size == 0:
            return np.zeros_like(starts)
        first, last = int(starts[0]) // _QUARTER_SECONDS, int(starts[-1]) // _QUARTER_SECONDS
        quarters = range(first, last + 1)
        offsets = np.array([self._offset(q * _QUARTER_SECONDS) for q in quarters], np.int64)
        return offsets[starts // _QUARTER_SECONDS - first]

    def _offset(self, instant: int) -> int:
        offset = datetime.fromtimestamp(instant, self._zone).utcoffset()
        return 0 if offset is None else int(offset.total_seconds())
