"""Event time in the shop's own time zone."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Final
from zoneinfo import ZoneInfo

import numpy as np

from features.batch import I64

HOUR_MS: Final = 3_600_000
_QUARTER_MS: Final = 900_000


@lru_cache(maxsize=4096)
def _offset_ms(timezone: str, quarter: int) -> int:
    """UTC offset of the zone; zones change on quarters of an hour, so one look-up serves 15 minutes."""
    moment = datetime.fromtimestamp(quarter * _QUARTER_MS / 1000, UTC)
    offset = moment.astimezone(ZoneInfo(timezone)).utcoffset()
    return 0 if offset is None else int(offset.total_seconds() * 1000)


def hour_of_week(time_ms: I64, timezone: str) -> I64:
    """Hours since Monday 00:00 in the zone, 0 to 167.

    >>> hour_of_week(np.array([0]), "UTC").tolist()   # Thursday midnight
    [72]
    """
    if timezone == "UTC":
        local = time_ms
    else:
        quarters, inverse = np.unique(time_ms // _QUARTER_MS, return_inverse=True)
        offsets = np.array([_offset_ms(timezone, quarter) for quarter in quarters.tolist()], np.int64)
        local = time_ms + offsets[inverse]
    return (local // HOUR_MS + 72) % 168
