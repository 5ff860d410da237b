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
from typing import Final

import numba
import numpy as np

from features.batch import F64, I64, Column, Flag, Keyed
from features.keys import grown

_CLIP: Final = 4.0
_ADOPT: Final = 12.0
_FORGET: Final = 0.01
_POOL: Final = 10.0
_READY: Final = 30.0
_TRUSTED: Final = 5.0
_SECOND: Final = 2.0  # a first value alone has no spread to be out of
_SLOW: Final = 0.001
_FIELDS: Final = 5
_ABSOLUTE_TO_STANDARD: Final = 1.2533141373155001  # sqrt(pi / 2): mean absolute deviation of a normal

LEVEL, SPREAD, COUNT, RUN, RUN_LEVEL = range(5)


@numba.njit(cache=True)
def _learn(state: F64, x: float, scale: float) -> None:
    """Move one key's level and spread towards x."""
    if state[COUNT] == 0.0:
        state[LEVEL], state[SPREAD], state[COUNT] = x, scale, 1.0
        return
    error = x - state[LEVEL]
    limit = _CLIP * scale
    if abs(error) > limit and state[COUNT] >= _SECOND:
        side = 1.0 if error > 0.0 else -1.0
        if state[RUN] * side > 0.0:
            state[RUN_LEVEL] += (x - state[RUN_LEVEL]) / (abs(state[RUN]) + 1.0)
            state[RUN] += side
        else:
            state[RUN], state[RUN_LEVEL] = side, x
        if abs(state[RUN]) >= _ADOPT:
            state[LEVEL], state[RUN] = state[RUN_LEVEL], 0.0
            return
        error = side * limit * 0.25  # an outlier pulls, but less than an honest value at the limit
    else:
        state[RUN] = 0.0
    state[COUNT] += 1.0
    rate = max(1.0 / state[COUNT], _FORGET)
    state[LEVEL] += rate * error
    state[SPREAD] += rate * (abs(error) * _ABSOLUTE_TO_STANDARD - state[SPREAD])


@numba.njit(cache=True)
def _pooled(own: F64, usual: float, floor: float) -> float:
    """A key's own spread, weighed against the spread usual of its kind by how often it was seen."""
    return float(max((own[COUNT] * own[SPREAD] + _POOL * usual) / (own[COUNT] + _POOL), floor))


@numba.njit(cache=True)
def _predict(chain: tuple[F64, ...], rows: I64, typical: F64, floor: float) -> tuple[float, float, bool]:
    """Mean and standard deviation expected of the next value of rows[0], from its ancestors down to itself."""
    widest = len(chain) - 1
    top = chain[widest][rows[widest]]
    mu, tau = top[LEVEL], max(top[SPREAD], floor)
    for level in range(widest - 1, -1, -1):
        own = chain[level][rows[level]]
        count = own[COUNT]
        spread = _pooled(own, typical[level, 0], floor)
        precision = count / (spread * spread) + 1.0 / (tau * tau)
        mu = (count * own[LEVEL] / (spread * spread) + mu / (tau * tau)) / precision
        tau = math.sqrt(spread * spread + 1.0 / precision)
    return mu, tau, top[COUNT] >= _READY


@numba.njit(cache=True)
def _learn_chain(chain: tuple[F64, ...], rows: I64, typical: F64, floor: float, x: float) -> None:
    for level in range(len(chain)):
        own = chain[level][rows[level]]
        scale = _pooled(own, typical[level, 0], floor)
        if own[COUNT] >= _TRUSTED:
            residual = min(abs(x - own[LEVEL]), _CLIP * scale) * _ABSOLUTE_TO_STANDARD
            typical[level, 1] += 1.0
            typical[level, 0] += max(1.0 / typical[level, 1], _SLOW) * (residual - typical[level, 0])
        _learn(own, x, scale)


@numba.njit(cache=True)
def _follow(chain: tuple[F64, ...], rows: I64, fresh: Flag, x: F64, typical: F64, floor: float) -> F64:
    """Judge, then learn, each value; rows[i] is the key and its ancestors. Returns deviation, low, high."""
    out = np.full((3, len(x)), np.nan)
    for i in range(len(x)):
        for level in range(len(chain)):
            if fresh[i, level]:
                chain[level][rows[i, level]] = 0.0
        if not math.isfinite(x[i]):
            continue
        mu, tau, ready = _predict(chain, rows[i], typical, floor)
        if ready:
            out[0, i] = (x[i] - mu) / tau
            out[1, i] = mu - _CLIP * tau
            out[2, i] = mu + _CLIP * tau
        _learn_chain(chain, rows[i], typical, floor, x[i])
    return out


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
        self._chain = [np.zeros((1024, _FIELDS)) for _ in range(levels)]

    def follow(self, chain: Sequence[Keyed], x: F64) -> Column:
        """Deviation of each value in spreads and the range expected, then learn it; NaN values are skipped."""
        self._chain = [grown(state, keyed.size) for state, keyed in zip(self._chain, chain, strict=True)]
        rows = np.stack([keyed.rows for keyed in chain], axis=1)
        fresh = np.stack([keyed.fresh for keyed in chain], axis=1)
        return Column(*_follow(tuple(self._chain), rows, fresh, x, self._typical, self._floor))
