"""When in the business week an event happened."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic.dataclasses import dataclass

from features.batch import Batch, Column, Level
from features.business_time import hour_of_week
from features.feature import STRICT, Feature


@dataclass(config=STRICT)
class HourOfWeek(Feature):
    """Hours since Monday 00:00 in the business time zone, 0 to 167.

    Parameters
    ----------
    timezone
        Name in the IANA list, e.g. Asia/Shanghai.
    """

    level: ClassVar[Level] = "created"
    unit: ClassVar[str] = "hours"

    timezone: str = "UTC"

    def transform(self, batch: Batch) -> Column:
        """Hour of each order placed."""
        return Column.of(hour_of_week(batch.time_ms[batch.created.at], self.timezone).astype(np.float64))
