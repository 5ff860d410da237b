"""The days on which a shop expects another number of orders than usual: a YAML or JSON file, and optional.

```yaml
days:
  - {date: 2026-10-01, name: National Day, least: 0.3}          # from 0.3 times the usual orders on
  - {date: 2026-11-11, name: Singles' Day, most: 5}             # up to 5 times the usual orders
  - {starts_at: 2026-06-18T20:00:00+08:00, ends_at: 2026-06-19T02:00:00+08:00, name: night sale, most: 3}
```

A date is a day of the shop's own wall clock (`time.business_timezone`), 23 or 25 hours long where the clocks change.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Final, Self
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError, model_validator

from config.document import read_document
from config.errors import ConfigRefused, explain

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path


USUAL_AFTER_MS: Final = 2 * 86_400_000
BACK_MS: Final = 3 * 86_400_000
"""How long a number of orders has to last to become usual, and how long until another one has."""
_LEAST: Final = 0.01
_WIDER: Final = 1.5  # what was registered is a bound, and what became usual of it a guess


class _Day(BaseModel):
    """One entry: a date, or a time from `starts_at` to `ends_at`, and how many times the usual orders it may bring."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    date: dt.date | None = None
    starts_at: AwareDatetime | None = None
    ends_at: AwareDatetime | None = None
    name: str = ""
    least: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)] = 1.0
    most: Annotated[float, Field(ge=1, le=1000, allow_inf_nan=False)] = 1.0

    @model_validator(mode="after")
    def _is_a_time(self) -> Self:
        has_bounds = self.starts_at is not None and self.ends_at is not None
        if (self.date is None) != has_bounds or (self.date and (self.starts_at or self.ends_at)):
            raise ValueError(f"day {self.name!r}: give a date, or both starts_at and ends_at")
        if self.starts_at and self.ends_at and self.ends_at <= self.starts_at:
            raise ValueError(f"day {self.name!r}: ends_at must be after starts_at")
        if self.least == self.most == 1:
            raise ValueError(
                f"day {self.name or self.date}: give least (below 1) or most (above 1), times the usual orders"
            )
        return self


class _CalendarFile(BaseModel):
    model_config = ConfigDict(extra="forbid")

    days: Annotated[list[_Day], Field(max_length=10_000)]


@dataclass(frozen=True, slots=True)
class Special:
    """A stretch of event time, in milliseconds since 1970 UTC, and the orders it may bring, times the usual ones."""

    starts_ms: int
    ends_ms: int
    least: float
    most: float


@dataclass(frozen=True, slots=True)
class Calendar:
    """All special days. `Calendar(())` is that of a shop that has none.

    >>> calendar = Calendar.parse({"days": [{"date": "1970-01-02", "most": 3}]}, "UTC")
    >>> calendar.times_usual(90_000_000, 93_600_000), calendar.times_usual(0, 3_600_000)
    ((1.0, 3.0), (1.0, 1.0))
    """

    days: Sequence[Special]

    @classmethod
    def load(cls, path: Path, timezone: str) -> Self:
        """Read a calendar file. Anything unknown or impossible is ConfigRefused, in one line."""
        try:
            return cls.parse(read_document(path), timezone)
        except ConfigRefused as error:
            message = str(error)
            raise ConfigRefused(message if message.startswith(str(path)) else f"{path}: {message}") from None

    @classmethod
    def parse(cls, document: Mapping[str, Any], timezone: str) -> Self:
        """Check a calendar that is already a mapping, its dates in a time zone."""
        try:
            listed = _CalendarFile.model_validate(document).days
        except ValidationError as error:
            raise ConfigRefused(explain(error, _CalendarFile)) from None
        return cls(tuple(_special(day, ZoneInfo(timezone)) for day in listed))

    def times_usual(self, starts_ms: int, ends_ms: int) -> tuple[float, float]:
        """The least and the most of the usual orders that a window may bring: those of the days that it touches.

        What lasted for two days or more has become usual by its end, so for three days after it the number may fall, or
        rise, back to what it was.
        """
        touched = [day for day in self.days if day.starts_ms < ends_ms and starts_ms < day.ends_ms]
        over = (run for run in self._runs() if run.ends_ms < ends_ms and starts_ms < run.ends_ms + BACK_MS)
        touched += map(_way_back, over)
        return min((day.least for day in touched), default=1.0), max((day.most for day in touched), default=1.0)

    def _runs(self) -> list[Special]:
        """Special days that follow one another, as one; those that are long enough to become usual."""
        runs: list[Special] = []
        for day in sorted(self.days, key=lambda one: one.starts_ms):
            if runs and day.starts_ms <= runs[-1].ends_ms:
                last = runs.pop()
                least, most = min(last.least, day.least), max(last.most, day.most)
                runs.append(Special(last.starts_ms, max(last.ends_ms, day.ends_ms), least, most))
            else:
                runs.append(day)
        return [run for run in runs if run.ends_ms - run.starts_ms >= USUAL_AFTER_MS]


def _way_back(run: Special) -> Special:
    """What the days after a run may bring, times what was usual at its end."""
    least, most = 1.0 / run.most, 1.0 / max(run.least, _LEAST)
    wider = [_WIDER if times != 1.0 else 1.0 for times in (least, most)]
    return Special(run.ends_ms, run.ends_ms + BACK_MS, least / wider[0], most * wider[1])


def _special(day: _Day, zone: ZoneInfo) -> Special:
    if day.date is not None:
        starts, ends = (dt.datetime.combine(date, dt.time(), zone) for date in (day.date, day.date + dt.timedelta(1)))
    else:
        assert day.starts_at is not None, "checked by the entry itself"
        assert day.ends_at is not None, "checked by the entry itself"
        starts, ends = day.starts_at, day.ends_at
    return Special(int(starts.timestamp() * 1000), int(ends.timestamp() * 1000), day.least, day.most)
