r"""Level and spread of a value per key, robust, with a prior from the key's parents.

Each key k keeps a level m and a spread s of its values x (usually logarithms), learned as it goes. A key seen
n times borrows from its parent with the normal-normal model:

    precision = n / s^2 + 1 / tau^2,     mu = (n m / s^2 + mu_parent / tau^2) / precision
    expected x ~ (mu, s^2 + 1 / precision),     deviation = (x - mu) / sqrt(s^2 + 1 / precision)

where tau is the parent's own spread, and s is pooled with the spread typical of all keys while n is small.
A product never sold before is judged by its seller, a new seller by its channel, and every sale narrows that.

Learning is bounded: a value more than `_CLIP` spreads away moves the level only as far as one at that
distance would. `_ADOPT` such values in a row on one side are a new level, and taken as such: one typo is not
learned, a price change is, after a stated number of sales.

Sources: Gelman et al., Bayesian Data Analysis (3rd ed.), ch. 5.4; Huber, Robust Statistics (1981), ch. 4.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final, Protocol

import numba
import numpy as np
from numpy.typing import NDArray

from features.batch import F64, I64, Column, Flag, Keyed
from features.keys import grown
from features.state import State, room

_CLIP: Final = 4.0
_ADOPT: Final = 12
_FORGET: Final = 0.01
_POOL: Final = 10.0
_READY: Final = 30.0
_TRUSTED: Final = 5.0
_SECOND: Final = 2  # a first value alone has no spread to be out of
_SLOW: Final = 0.001
_ABSOLUTE_TO_STANDARD: Final = 1.2533141373155001  # sqrt(pi / 2): mean absolute deviation of a normal
_MOST: Final = np.iinfo(np.int32).max

_STATE: Final = np.dtype([("level", "f8"), ("spread", "f8"), ("run_level", "f8"), ("count", "i4"), ("run", "i4")])
"""A key's row, 32 bytes."""
States = NDArray[np.void]


class _Key(Protocol):
    """A row of `_STATE`, as compiled code sees it."""

    level: float
    spread: float
    run_level: float
    count: int
    run: int


@numba.njit(cache=True, error_model="numpy")
def _pooled(count: float, spread: float, usual: float, floor: float) -> float:
    """A key's own spread, weighed against the spread usual of its kind by how often it was seen."""
    return float(max((count * spread + _POOL * usual) / (count + _POOL), floor))


@numba.njit(cache=True, error_model="numpy")
def _outlier(own: _Key, x: float, error: float, limit: float) -> float:
    """Count a value beyond the limit; how far it pulls the level. A run of 0 is left where it ended the old one."""
    side = 1 if error > 0.0 else -1
    if own.run * side > 0:
        own.run_level += (x - own.run_level) / (abs(own.run) + 1.0)
        own.run += side
    else:
        own.run, own.run_level = side, x
    if abs(own.run) >= _ADOPT:
        own.level, own.run = own.run_level, 0
        return 0.0
    return float(side * limit * 0.25)  # it pulls, but less than an honest value at the limit


@numba.njit(cache=True, error_model="numpy")
def _learn(own: _Key, x: float, scale: float) -> None:
    """Move one key's level and spread towards x."""
    if own.count == 0:
        own.level, own.spread, own.count = x, scale, 1
        return
    error = x - own.level
    if abs(error) > _CLIP * scale and own.count >= _SECOND:
        error = _outlier(own, x, error, _CLIP * scale)
        if own.run == 0:
            return
    else:
        own.run = 0
    own.count = min(own.count + 1, _MOST)
    rate = max(1.0 / own.count, _FORGET)
    own.level += rate * error
    own.spread += rate * (abs(error) * _ABSOLUTE_TO_STANDARD - own.spread)


@numba.njit(cache=True, error_model="numpy")
def _follow(states: States, rows: I64, fresh: Flag, x: F64, typical: F64, floor: float, known: F64) -> None:
    """Learn each value at one level of the chain.

    Columns of `known` become the key's count, level, own spread and pooled spread before each value.
    """
    usual, seen = typical
    for i in range(len(x)):
        own = states[rows[i]]
        if fresh[i]:
            own.level = own.spread = own.run_level = 0.0
            own.count = own.run = 0
        if not math.isfinite(x[i]):
            continue
        scale = _pooled(own.count, own.spread, usual, floor)
        known[0, i], known[1, i], known[2, i], known[3, i] = own.count, own.level, own.spread, scale
        if own.count >= _TRUSTED:
            residual = min(abs(x[i] - own.level), _CLIP * scale) * _ABSOLUTE_TO_STANDARD
            seen += 1.0
            usual += max(1.0 / seen, _SLOW) * (residual - usual)
        _learn(own, x[i], scale)
    typical[0], typical[1] = usual, seen


@numba.njit(cache=True, error_model="numpy")
def _expect(known: F64, x: F64, floor: float) -> F64:
    """Deviation, low and high of each value, by what was known of its keys, widest last.

    Each loop runs over values that have nothing to do with one another, so that divisions are made by the four.
    """
    out = np.empty((3, len(x)))
    deviation, mu, tau = out
    top = known[-1]
    for i in range(len(x)):
        mu[i], tau[i] = top[1, i], max(top[2, i], floor)
    for level in range(len(known) - 2, -1, -1):
        count, own, _, spread = known[level]
        for i in range(len(x)):
            precision = count[i] / (spread[i] * spread[i]) + 1.0 / (tau[i] * tau[i])
            mu[i] = (count[i] * own[i] / (spread[i] * spread[i]) + mu[i] / (tau[i] * tau[i])) / precision
            tau[i] = math.sqrt(spread[i] * spread[i] + 1.0 / precision)
    for i in range(len(x)):
        ready = top[0, i] >= _READY and math.isfinite(x[i])
        middle, width = mu[i], _CLIP * tau[i]
        deviation[i] = (x[i] - middle) / tau[i] if ready else math.nan
        mu[i], tau[i] = (middle - width, middle + width) if ready else (math.nan, math.nan)
    return out


@numba.njit(cache=True, error_model="numpy")
def _logs(values: F64 | I64) -> F64:
    """Logarithms; NaN where there is none."""
    x = np.empty(len(values))
    for i in range(len(values)):
        x[i] = math.log(values[i]) if values[i] > 0 else math.nan
    return x


@numba.njit(cache=True, error_model="numpy")
def _undo_logs(low: F64, high: F64) -> None:
    for i in range(len(low)):
        low[i], high[i] = math.exp(low[i]), math.exp(high[i])


class RobustLevel:
    """Levels of one value for a chain of keys, from the narrowest to the widest.

    Parameters
    ----------
    levels
        How many keys the chain has, e.g. 3 for product, seller, channel.
    floor
        The smallest spread believed, in units of x: a price that never moved is not certain to 0.
    typical
        The spread assumed of a key before any was measured, in units of x.

    >>> level = RobustLevel(levels=1, floor=0.02, typical=0.2)
    >>> shop = Keyed(np.zeros(40, np.int64), np.arange(40) == 0, size=1)
    >>> prices = np.log(np.tile([99.0, 101.0], 20))
    >>> deviation = level.follow([shop], prices).values
    >>> bool(np.isnan(deviation[29])), bool(abs(deviation[39]) < 2)
    (True, True)
    """

    def __init__(self, *, levels: int, floor: float, typical: float) -> None:
        """Start with no key."""
        self._floor = floor
        self._typical = np.array([[typical, _POOL]] * levels)
        self._chain: list[States] = [np.zeros(1024, _STATE) for _ in range(levels)]

    def follow(self, chain: Sequence[Keyed], x: F64) -> Column:
        """Deviation of each value in spreads and the range expected, then learn it; NaN values are skipped.

        What a level learns does not depend on the others: each runs through all values, then they are put together.
        """
        known = np.zeros((len(chain), 4, len(x)))
        for level, keyed in enumerate(chain):
            states = self._chain[level] = grown(self._chain[level], keyed.size)
            _follow(states, keyed.rows, keyed.fresh, x, self._typical[level], self._floor, known[level])
        return Column(*_expect(known, x, self._floor))

    def follow_logs(self, chain: Sequence[Keyed], values: F64 | I64) -> Column:
        """The same for the logarithms of `values`, those <= 0 skipped; the range is in the unit of the values."""
        column = self.follow(chain, _logs(values))
        _undo_logs(column.low, column.high)
        return column

    def get_state(self) -> State:
        """Every key's level, and the typical spreads."""
        levels = {f"level{i}": states for i, states in enumerate(self._chain)}
        return levels | {"typical": self._typical}

    def set_state(self, state: State) -> None:
        """Go on from these levels."""
        self._chain = [room(state[f"level{i}"], 1) for i in range(len(self._chain))]
        self._typical = state["typical"].copy()
