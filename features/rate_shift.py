r"""Evidence that the share of a yes-or-no thing has changed: a Bernoulli CUSUM on both sides.

For each key, with x in {0, 1} and the usual share p:

    S = max(0, S + log(f1(x) / f0(x))),     f0: share p,     f1: odds of p times `_ODDS` (or divided by it)

read after x. Under the usual share S goes beyond h about once in e^h observations; a share whose odds have grown
fivefold takes h / KL(f1, f0). The usual share is learned while the evidence is small; a new share that stays is
adopted after `_ADOPT` observations. Source: Page, Continuous inspection schemes, Biometrika 41 (1954).
"""

from __future__ import annotations

import math
from typing import Final

import numba
import numpy as np

from features.batch import F64, I64, Flag

FIELDS: Final = 10
_COUNT, _SHARE, _LATELY, _UP, _DOWN, _HELD, _UP_0, _UP_1, _DOWN_0, _DOWN_1 = range(FIELDS)
_REFRESH: Final = 50.0  # the usual share moves slowly, and logarithms are dear
_ODDS: Final = 5.0
_LEAST: Final = 0.002
_READY: Final = 200.0
_SLOW, _QUICK = 0.001, 0.02
_DOUBTFUL: Final = 4.0
_CAP: Final = 40.0
_ADOPT: Final = 1_000.0


@numba.njit(cache=True)
def _gain(x: bool, usual: float, odds: float) -> float:
    """Log likelihood ratio of x, for odds so many times the usual ones."""
    other = odds * usual / (1.0 - usual + odds * usual)
    return math.log(other / usual) if x else math.log((1.0 - other) / (1.0 - usual))


@numba.njit(cache=True)
def _weigh(state: F64) -> None:
    """What each observation is worth at the usual share as it is now."""
    usual = min(max(state[_SHARE], _LEAST), 1.0 - _LEAST)
    state[_UP_0], state[_UP_1] = _gain(False, usual, _ODDS), _gain(True, usual, _ODDS)
    state[_DOWN_0], state[_DOWN_1] = _gain(False, usual, 1.0 / _ODDS), _gain(True, usual, 1.0 / _ODDS)


@numba.njit(cache=True)
def shift(state: F64, x: bool) -> float:
    """Judge one observation, then learn it; the evidence for the side that it speaks for, 0 before it is known."""
    evidence = 0.0
    if state[_COUNT] >= _READY:
        if state[_COUNT] % _REFRESH == 0.0:
            _weigh(state)
        state[_UP] = min(max(0.0, state[_UP] + (state[_UP_1] if x else state[_UP_0])), _CAP)
        state[_DOWN] = min(max(0.0, state[_DOWN] + (state[_DOWN_1] if x else state[_DOWN_0])), _CAP)
        evidence = state[_UP] if x else state[_DOWN]
    state[_COUNT] += 1.0
    state[_LATELY] += max(1.0 / state[_COUNT], _QUICK) * (x - state[_LATELY])
    if max(state[_UP], state[_DOWN]) < _DOUBTFUL:
        state[_HELD] = 0.0
        state[_SHARE] += max(1.0 / state[_COUNT], _SLOW) * (x - state[_SHARE])
    else:
        state[_HELD] += 1.0
        if state[_HELD] >= _ADOPT:
            state[_SHARE], state[_UP], state[_DOWN], state[_HELD] = state[_LATELY], 0.0, 0.0, 0.0
            _weigh(state)
    return evidence


@numba.njit(cache=True)
def follow(rows: I64, fresh: Flag, x: Flag, state: F64) -> tuple[F64, I64, F64, F64]:
    """Follow `x[i, k]`, things k of key `rows[i]`, in `state[row, k]`.

    Returns for each i the strongest evidence, the thing it is about, that thing's share lately and its usual one.
    """
    n = len(rows)
    evidence, about = np.zeros(n), np.zeros(n, np.int64)
    lately, usual = np.full(n, np.nan), np.full(n, np.nan)
    for i in range(n):
        if fresh[i]:
            state[rows[i]] = 0.0
        for k in range(x.shape[1]):
            own = state[rows[i], k]
            strength = shift(own, x[i, k])
            if k == 0 or strength > evidence[i]:
                evidence[i], about[i], lately[i], usual[i] = strength, k, own[_LATELY], own[_SHARE]
    return evidence, about, lately, usual
