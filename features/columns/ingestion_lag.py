"""How much evidence has gathered that what a source sends comes into the log later than it used to."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Final

import numba
import numpy as np
from annotated_types import Gt
from pydantic.dataclasses import dataclass

from features.batch import F64, I8, I64, Batch, Column, Flag, Level
from features.columns._one_array import OneArray
from features.event import CREATED, EVENT_TYPES
from features.feature import STRICT
from features.keys import grown

_TYPES: Final = len(EVENT_TYPES)
_COUNT, _LEVEL, _SPREAD, _LATELY, _SUM, _HELD = range(6)
_FIELDS: Final = 6
_READY: Final = 100.0
_RATE: Final = 0.01
_FLOOR: Final = 0.25  # of log seconds: a second more or less is no slowness
_MOST: Final = 3.0
_SPREADS: Final = 4.0
_TO_SIGMA: Final = 1.25  # a normal spread over its mean absolute deviation
_DOUBTFUL: Final = 4.0
_ADOPT: Final = 1_000.0
_CAP: Final = 50.0


@numba.njit(cache=True)
def _learn(own: F64, x: float) -> None:
    rate = max(1.0 / (own[_COUNT] + 1.0), _RATE)
    most = _MOST * max(own[_SPREAD], _FLOOR)
    step = x - own[_LEVEL] if own[_COUNT] == 0.0 else max(-most, min(most, x - own[_LEVEL]))
    own[_LEVEL] += rate * step
    own[_SPREAD] += rate * (abs(step) - own[_SPREAD]) if own[_COUNT] > 0.0 else 0.0
    own[_COUNT] += 1.0


@numba.njit(cache=True)
def _shift(own: F64, x: float, drift: float) -> float:
    """Judge one lag, in log seconds, then learn it; the evidence after it."""
    if own[_COUNT] >= _READY:
        z = (x - own[_LEVEL]) / max(own[_SPREAD] * _TO_SIGMA, _FLOOR)
        own[_SUM] = min(max(0.0, own[_SUM] + max(-_MOST, min(_MOST, z)) - drift), _CAP)
    own[_LATELY] += 0.02 * (x - own[_LATELY])
    if own[_SUM] < _DOUBTFUL:
        own[_HELD] = 0.0
        _learn(own, x)
    else:
        own[_HELD] += 1.0
        if own[_HELD] >= _ADOPT:
            own[_LEVEL], own[_SUM], own[_HELD] = own[_LATELY], 0.0, 0.0
    return float(own[_SUM])


@numba.njit(cache=True)
def _follow(
    kind: I8, channel: I64, fresh: Flag, time_ms: I64, arrived_ms: I64, most_ms: int, drift: float, state: F64
) -> tuple[F64, F64, F64]:
    """Evidence after each event, and the range of lags, in seconds, that its source was known for before it."""
    n, placed = len(kind), 0
    evidence, low, high = np.full(n, np.nan), np.full(n, np.nan), np.full(n, np.nan)
    for i in range(n):
        row = int(kind[i])
        if kind[i] == CREATED:
            row = _TYPES + channel[placed]
            if fresh[placed]:
                state[row] = 0.0
            placed += 1
        lag_ms = arrived_ms[i] - time_ms[i]
        if arrived_ms[i] <= 0 or lag_ms > most_ms:
            continue
        own = state[row]
        if own[_COUNT] >= _READY:
            width = _SPREADS * max(own[_SPREAD] * _TO_SIGMA, _FLOOR)
            low[i] = max(0.0, math.exp(own[_LEVEL] - width) - 1.0)
            high[i] = math.exp(own[_LEVEL] + width) - 1.0
        evidence[i] = _shift(own, math.log1p(max(lag_ms, 0) / 1000.0), drift)
    return evidence, low, high


@dataclass(config=STRICT)
class IngestionLag(OneArray):
    """One-sided CUSUM of the lags of a source: S = max(0, S + z - drift), as `route_slowdown` is of latencies.

    The lag is from when an event happened until it came into the log, by the log's own time; orders placed are
    followed by channel, all else by its event type. z is the lag's deviation from the source's usual one, in spreads of
    log(1 + seconds), clipped to 3. Nothing is learned while the evidence is strong; a lag that stays for a thousand
    events is the usual one from then on. The range is in seconds. NaN where nobody knows when an event came, as of a
    file, and of events so old that they are history being loaded.

    Parameters
    ----------
    drift
        Slowness tolerated for ever, in spreads.
    max_hours
        Oldest event that is late and not history.
    """

    level: ClassVar[Level] = "event"
    unit: ClassVar[str] = "spreads, summed"
    spaces: ClassVar[tuple[str, ...]] = ("channel",)

    drift: Annotated[float, Gt(0)] = 1.0
    max_hours: Annotated[float, Gt(0)] = 6.0

    def __post_init__(self) -> None:
        """Start with no source."""
        self._state = np.zeros((_TYPES + 16, _FIELDS))

    def transform(self, batch: Batch) -> Column:
        """Evidence after each event."""
        if not len(batch.arrived_ms):
            return Column.silent(len(batch))
        channel = batch.key(self._spaces["channel"])
        self._state = grown(self._state, _TYPES + channel.size)
        most_ms = int(self.max_hours * 3_600_000)
        return Column(
            *_follow(
                batch.kind, channel.rows, channel.fresh, batch.time_ms, batch.arrived_ms, most_ms, self.drift,
                self._state,
            )
        )  # fmt: skip
