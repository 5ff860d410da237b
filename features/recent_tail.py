r"""How far out in its own key's past a value lies: quantiles of positive values, per key, with old ones fading.

Each key keeps a histogram with bins that grow by the factor `_GROWTH`, so that every quantile read from it is
within 8 % of the true one, whatever the shape: parcels that come on working days only have two humps, which a level
and a spread would not know. Once a key holds `remember` values all its counts are halved: what is old fades.

Source: Masson, Rim, Lee, DDSketch, PVLDB 12 (2019), section 2.
"""

from __future__ import annotations

import math
from typing import Final

import numba
import numpy as np

from features.batch import F64, I64, Flag

BINS: Final = 120
"""Values from 1 to `_GROWTH` ** BINS: seconds up to almost five years."""
_GROWTH: Final = 1.17
_LOG_GROWTH: Final = math.log(_GROWTH)


@numba.njit(cache=True)
def _quantile(counts: F64, total: float, share: float) -> float:
    """The value that `share` of the counted ones do not exceed: the middle of its bin."""
    below = 0.0
    for k in range(BINS):
        below += counts[k]
        if below >= share * total:
            return float(math.exp((k + 0.5) * _LOG_GROWTH))
    return float(math.exp(BINS * _LOG_GROWTH))


@numba.njit(cache=True)
def follow(
    rows: I64, fresh: Flag, x: F64, ready: float, remember: float, share: float, counts: F64
) -> tuple[F64, F64, F64]:
    """For each value the share of its key's earlier ones that are as large, and the quantiles that hold `share`.

    Half of those in the value's own bin count as larger. NaN before a key has `ready` values. Each value is
    learned after it was looked up. `counts` : (keys, BINS), changed in place.
    """
    tail, low, high = np.full(len(x), np.nan), np.full(len(x), np.nan), np.full(len(x), np.nan)
    for i in range(len(x)):
        own = counts[rows[i]]
        if fresh[i]:
            own[:] = 0.0
        at = min(int(math.log(max(x[i], 1.0)) / _LOG_GROWTH), BINS - 1)
        total = float(own.sum())
        if total >= ready:
            tail[i] = (own[at + 1 :].sum() + 0.5 * own[at]) / total
            low[i], high[i] = _quantile(own, total, 0.5 - 0.5 * share), _quantile(own, total, 0.5 + 0.5 * share)
        own[at] += 1.0
        if total + 1.0 >= remember:
            own *= 0.5
    return tail, low, high
