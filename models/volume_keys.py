"""One of very many keys: 72 bytes, touched only when it has orders.

A key is measured by its population (`models.volume_pulse`): of E orders expected of all keys together in a
window, its share is expected of the key. With n of T orders learned, both decayed, the share is gamma
distributed, from which the count of a window follows as a negative binomial:

    share ~ Gamma(a + n, B + T)        mean = E (a + n) / (B + T)        B = b a / (a + n)
    variance = (1 + (dispersion - 1) w + 1.25 share) mean + (1 / (a + n) + wander w) mean^2    w = n / (n + 3)

`a` is fixed and small: shares differ by orders of magnitude, and the first orders of a key tell which is its
own, so that B wanes with them. `b` is learned from how many orders new keys have in their first bucket, given
that they have one: where new keys start hot (a shop of flash sales), a hot start is no surprise. `dispersion`
and `wander` are learned from all keys that are known (see `models.volume_windows`); they say how far a share
strays, so a key with a large one strays with the total besides, as a real shop's does. Since a key is looked
at only when it has an order, the p-value is

    P(X >= x | X >= 1)

When all other keys together have more than expected, by so much more is expected of this key too: a surge of
everything is the population's, not each key's.

Source: the gamma-Poisson shrinker of DuMouchel (1999), "Bayesian data mining in large frequency tables", The
American Statistician 53(3).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numba import njit

from models.volume_pulse import EXPECTATION, TOTAL
from models.volume_tail import at_least
from models.volume_windows import DISPERSION, MEAN, OBSERVED, VARIANCE, WANDER, WINDOW, P, learn_spread

if TYPE_CHECKING:
    from models.volume_findings import F64, I64

FIRST_KEYS, FIRST_ORDERS, BUCKET_EXPOSURE, PRIOR_EXPOSURE, FITTED, SINCE = range(6)  # what the population holds
POPULATION_FIELDS: Final = 6

_SHAPE: Final = 0.2
_WARM_ORDERS: Final = 3.0
_KNOWN_ORDERS: Final = 5.0
_KNOWN_MEAN: Final = 0.2
_CLIP: Final = 4.0
_CLIP_ORDERS: Final = 2.0
_FIRST_CLIP: Final = 8.0
_PRIOR_KEYS: Final = 10.0
_PRIOR_FIRST_ORDERS: Final = 1.25
_FIRST_KEEP: Final = 0.999
_EXPOSURE_RATE: Final = 0.02
_LASTING: Final = 0.5
_TINY: Final = 1e-9
_TOTAL_EXCESS: Final = 1.25  # variance over mean, less 1, of a real shop's orders by the hour
_STEPS: Final = 50


class SparseTuning(NamedTuple):
    """The numbers that the kernels need; times in panes."""

    hour_panes: float
    half_life_panes: float
    spread_keep: float
    ready_panes: int
    alert_p: float
    surge_ratio: float
    min_excess: float


def key_type(windows: int) -> np.dtype[Any]:
    """State of one key, with two buckets of orders, the present and the last, for each window."""
    return np.dtype(
        [
            ("next", np.int64),  # the pane after the last one with an order; 0: none yet
            ("orders", np.float64),
            ("exposure", np.float64),
            ("last_clock", np.float64),  # total of the population as the longest window's last bucket began
            ("clock", np.float64),  # and its present one
            ("buckets", np.uint32, (windows, 2)),
        ]
    )


@njit(cache=True)
def bucket_panes(window: int) -> int:
    """Half a window: it holds the present and the last bucket, so between half and all of its length."""
    return max(window // 2, 1)


@njit(cache=True)
def _mean_first(q: float) -> float:
    """Mean orders in a new key's first bucket, given one: negative binomial of shape a, zero-truncated."""
    return float(_SHAPE * q / (1.0 - q) / (1.0 - (1.0 - q) ** _SHAPE))


@njit(cache=True)
def bucket_exposure(windows: I64, pulse: F64, pane: int) -> float:
    """Orders of the population in one bucket of the longest window."""
    panes, mask = bucket_panes(windows[len(windows) - 1]), len(pulse) - 1
    return float(pulse[pane & mask, TOTAL] - pulse[(pane - panes) & mask, TOTAL])


@njit(cache=True)
def fit_prior(population: F64, exposure: float) -> None:
    """Solve the prior's exposure b from what new keys begin with."""
    if population[BUCKET_EXPOSURE] == 0.0:
        population[BUCKET_EXPOSURE] = exposure
    population[BUCKET_EXPOSURE] += _EXPOSURE_RATE * (exposure - population[BUCKET_EXPOSURE])
    keys = population[FIRST_KEYS] + _PRIOR_KEYS
    mean = (population[FIRST_ORDERS] + _PRIOR_KEYS * _PRIOR_FIRST_ORDERS) / keys
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        q = (low + high) / 2.0
        if _mean_first(q) < mean:
            low = q
        else:
            high = q
    population[PRIOR_EXPOSURE] = max(population[BUCKET_EXPOSURE], 1.0) * (1.0 - low) / low


@njit(cache=True)
def _share(key: Any, population: F64) -> float:
    return float((_SHAPE + key.orders) / (population[PRIOR_EXPOSURE] * _SHAPE / (_SHAPE + key.orders) + key.exposure))


@njit(cache=True)
def _variance(key: Any, mean: float, spread: F64) -> float:
    warmth = key.orders / (key.orders + _WARM_ORDERS)
    linear = 1.0 + (spread[0, DISPERSION] - 1.0) * warmth
    return float((linear + (1.0 / (_SHAPE + key.orders) + spread[0, WANDER] * warmth) * mean) * mean)


@njit(cache=True)
def _learn(
    key: Any,
    orders: float,
    limit: float,
    exposure: float,
    panes: float,
    population: F64,
    spread: F64,
    tune: Any,
) -> None:
    """Learn a stretch of time: clipped, so that a surge is not learned, unless it is no more than `limit`."""
    if exposure <= 0.0:
        return
    mean = _share(key, population) * exposure
    if key.exposure == 0.0:
        population[FIRST_ORDERS] += min(orders, _FIRST_CLIP) - 1.0
    elif key.orders >= _KNOWN_ORDERS and mean >= _KNOWN_MEAN:
        learn_spread(spread, 0, orders, mean, mean / (_SHAPE + key.orders) ** 0.5, tune.spread_keep)
    most = max(mean + _CLIP * _variance(key, mean, spread) ** 0.5 + _CLIP_ORDERS, limit)
    kept = 0.5 ** (panes / tune.half_life_panes)
    key.orders = key.orders * kept + min(orders, most)
    key.exposure = key.exposure * kept + exposure


@njit(cache=True)
def bucket_starts(windows: I64, pane: int, starts: I64) -> None:
    """First pane of the present bucket of each window, worked out once a pane."""
    for k in range(len(windows)):
        size = bucket_panes(windows[k])
        starts[k] = pane // size * size


@njit(cache=True)
def _learn_leaving(
    key: Any, start: int, size: int, k: int, pulse: F64, population: F64, spread: F64, tune: Any
) -> None:
    """Learn the buckets that leave the longest window, whose present one now begins at `start`."""
    mask, pane = len(pulse) - 1, key.next - 1
    present, last = float(key.buckets[k, 0]), float(key.buckets[k, 1])
    young = np.inf if start - population[SINCE] < tune.ready_panes else 0.0
    _learn(key, last, max(present, young), key.clock - key.last_clock, size, population, spread, tune)
    if pane >= start - size:
        key.last_clock = key.clock
    else:
        last_begin = pulse[(start - size - 1) & mask, TOTAL]
        panes = start - size - pane // size * size
        _learn(key, present, max(last, young), last_begin - key.clock, panes, population, spread, tune)
        key.last_clock = last_begin
    key.clock = pulse[(start - 1) & mask, TOTAL]


@njit(cache=True)
def turn(key: Any, starts: I64, windows: I64, pulse: F64, population: F64, spread: F64, tune: Any) -> None:
    """Move the buckets on to those that are present now."""
    for k in range(len(windows)):
        if key.next > starts[k]:
            continue
        size = bucket_panes(windows[k])
        if k == len(windows) - 1:
            _learn_leaving(key, starts[k], size, k, pulse, population, spread, tune)
        key.buckets[k, 1] = key.buckets[k, 0] if key.next > starts[k] - size else 0
        key.buckets[k, 0] = 0


@njit(cache=True)
def begin(key: Any, starts: I64, pulse: F64, population: F64) -> None:
    """Start a new key; its first order is counted at once, the others of its first bucket when it ends."""
    population[FIRST_KEYS] = population[FIRST_KEYS] * _FIRST_KEEP + 1.0
    population[FIRST_ORDERS] = population[FIRST_ORDERS] * _FIRST_KEEP + 1.0
    key.orders, key.exposure = 0.0, 0.0
    key.clock = pulse[(starts[len(starts) - 1] - 1) & (len(pulse) - 1), TOTAL]
    key.last_clock = key.clock
    key.buckets[:] = 0


@njit(cache=True)
def _orders(key: Any, windows: I64, k: int) -> float:
    """Orders in a window: its present bucket and, unless one pane is all of it, its last."""
    return float(key.buckets[k, 0]) + (float(key.buckets[k, 1]) if windows[k] > 1 else 0.0)


@njit(cache=True)
def _first(starts: I64, windows: I64, k: int) -> int:
    """First pane of a window."""
    return int(starts[k] - bucket_panes(windows[k]) if windows[k] > 1 else starts[k])


@njit(cache=True)
def _pace(key: Any, pane: int, starts: I64, windows: I64, k: int, pulse: F64) -> float:
    """Orders in a window for each that was expected of the population."""
    mask = len(pulse) - 1
    expected = pulse[pane & mask, EXPECTATION] - pulse[(_first(starts, windows, k) - 1) & mask, EXPECTATION]
    return float(_orders(key, windows, k) / max(expected, _TINY))


@njit(cache=True)
def _mean(key: Any, pane: int, first: int, x: float, pulse: F64, population: F64) -> float:
    """What is expected of the key from pane `first` on, and more when all others have more, too."""
    mask, share = len(pulse) - 1, _share(key, population)
    expected = pulse[pane & mask, EXPECTATION] - pulse[(first - 1) & mask, EXPECTATION]
    others = pulse[pane & mask, TOTAL] - pulse[(first - 1) & mask, TOTAL] - x
    return float(share * expected * max((others + 1.0) / (expected * (1.0 - share) + 1.0), 1.0))


@njit(cache=True)
def judge(
    key: Any,
    pane: int,
    starts: I64,
    windows: I64,
    pulse: F64,
    population: F64,
    spread: F64,
    tune: Any,
    best: F64,
) -> None:
    """Find the oddest window; one counts only while the next shorter goes on at half its pace or more."""
    best[P] = 1.0
    for k in range(len(windows)):
        x = _orders(key, windows, k)
        if x < tune.min_excess:
            continue
        if k > 0:
            pace = _pace(key, pane, starts, windows, k, pulse)
            if _pace(key, pane, starts, windows, k - 1, pulse) < _LASTING * pace:
                continue
        first = _first(starts, windows, k)
        mean = _mean(key, pane, first, x, pulse, population)
        if x < tune.surge_ratio * mean or x - mean < tune.min_excess:
            continue
        variance = _variance(key, mean, spread) + _share(key, population) * mean * _TOTAL_EXCESS
        p = at_least(x, mean, variance) / at_least(1.0, mean, variance)
        if p < best[P]:
            best[P], best[WINDOW], best[OBSERVED] = p, pane - first + 1, x
            best[MEAN], best[VARIANCE] = mean, variance
