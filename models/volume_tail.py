"""Tail probabilities and quantiles of the negative binomial, by mean and variance, for compiled kernels.

With mean ``m``, variance ``V > m``, ``F = V / m``, ``r = m / (F - 1)`` and ``p = 1 / F``::

    P(X >= x) = I(1 - p; x, r)          P(X <= x) = I(p; r, x + 1)

where ``I`` is the regularised incomplete beta function, evaluated as a continued fraction on whichever side
converges, so that a small tail keeps its relative accuracy (about 1e-9 down to 1e-290; tested against scipy).

Source: DLMF 8.17.5 (the binomial identity) and 8.17.22 (the continued fraction); Lentz's evaluation as in
Press et al., "Numerical Recipes", 3rd ed., 6.4.
"""

from __future__ import annotations

import math

from numba import njit

_LEAST_DISPERSION = 1.01  # nearer to Poisson, r grows without bound and log-gammas cancel
_MOST_STEPS = 20_000  # the fraction needs about sqrt(max(a, b)) steps: enough for counts of 1e8
_TINY = 1e-300
_EPSILON = 1e-14


@njit(cache=True)
def _beta_fraction(a: float, b: float, x: float) -> float:
    """Value of the continued fraction of the incomplete beta function (modified Lentz)."""
    c = 1.0
    d = 1.0 - (a + b) * x / (a + 1.0)
    d = 1.0 / (d if abs(d) > _TINY else _TINY)
    value = d
    for i in range(1, _MOST_STEPS):
        even = i * (b - i) * x / ((a + 2 * i - 1.0) * (a + 2 * i))
        d = 1.0 + even * d
        c = 1.0 + even / c
        d = 1.0 / (d if abs(d) > _TINY else _TINY)
        c = c if abs(c) > _TINY else _TINY
        value *= d * c
        odd = -(a + i) * (a + b + i) * x / ((a + 2 * i) * (a + 2 * i + 1.0))
        d = 1.0 + odd * d
        c = 1.0 + odd / c
        d = 1.0 / (d if abs(d) > _TINY else _TINY)
        c = c if abs(c) > _TINY else _TINY
        value *= d * c
        if abs(d * c - 1.0) < _EPSILON:
            break
    return value


@njit(cache=True)
def _incomplete_beta(a: float, b: float, x: float, rest: float) -> float:
    """I(x; a, b) with ``rest`` = 1 - x given apart, because the caller knows it without cancellation."""
    front = math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log(rest)
    if x < (a + 1.0) / (a + b + 2.0):
        return math.exp(front) * _beta_fraction(a, b, x) / a
    return 1.0 - math.exp(front) * _beta_fraction(b, a, rest) / b


@njit(cache=True)
def at_least(count: float, mean: float, variance: float) -> float:
    """P(X >= count)."""
    if count <= 0.0:
        return 1.0
    if mean <= 0.0:
        return 0.0
    dispersion = max(variance / mean, _LEAST_DISPERSION)
    size = mean / (dispersion - 1.0)
    return _incomplete_beta(count, size, 1.0 - 1.0 / dispersion, 1.0 / dispersion)


@njit(cache=True)
def at_most(count: float, mean: float, variance: float) -> float:
    """P(X <= count)."""
    if count < 0.0:
        return 0.0
    if mean <= 0.0:
        return 1.0
    dispersion = max(variance / mean, _LEAST_DISPERSION)
    size = mean / (dispersion - 1.0)
    return _incomplete_beta(size, count + 1.0, 1.0 / dispersion, 1.0 - 1.0 / dispersion)


@njit(cache=True)
def least_beyond(tail: float, mean: float, variance: float) -> float:
    """The largest count that is not surprising from above: smallest x with P(X > x) <= tail."""
    low, high = -1.0, math.ceil(mean + 4.0 * math.sqrt(variance)) + 4.0
    while at_least(high + 1.0, mean, variance) > tail:
        high *= 2.0
    while high - low > 1.0:
        middle = math.floor((low + high) / 2.0)
        if at_least(middle + 1.0, mean, variance) <= tail:
            high = middle
        else:
            low = middle
    return high


@njit(cache=True)
def most_below(tail: float, mean: float, variance: float) -> float:
    """The smallest count that is not surprising from below: smallest x with P(X <= x) > tail."""
    low, high = -1.0, math.ceil(mean) + 1.0
    while high - low > 1.0:
        middle = math.floor((low + high) / 2.0)
        if at_most(middle, mean, variance) > tail:
            high = middle
        else:
            low = middle
    return high
