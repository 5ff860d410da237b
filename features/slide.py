r"""Evidence that a value has slid below its key's usual level: a one-sided CUSUM, in the value's own unit.

For each key S = max(0, S + (usual - x) - drift), read after x: how much was lost below what is tolerated. The usual
level is a running mean; it stands still while S is large, and is begun anew after `_ADOPT` values of that, so that
a new level is told once and then is normal. Source: Page, Continuous inspection schemes, Biometrika 41 (1954).
"""

from __future__ import annotations

import math
from typing import Final

import numba
import numpy as np

from features.batch import F64, I64, Flag

FIELDS: Final = 4
_COUNT, _USUAL, _SLID, _HELD = range(FIELDS)
_QUICK: Final = 0.02
_ADOPT: Final = 200.0


@numba.njit(cache=True)
def follow(
    rows: I64, fresh: Flag, x: F64, most: float, drift: float, doubtful: float, ready: float, state: F64
) -> tuple[F64, F64]:
    """S after each value (NaN where it is missing, 0 where it is no low one), and the usual level before it.

    One value counts for `most` at most: that a single one is far too low is an outlier's to say.
    """
    slid, usual = np.full(len(rows), np.nan), np.full(len(rows), np.nan)
    for i in range(len(rows)):
        own = state[rows[i]]
        if fresh[i]:
            own[:] = 0.0
        if math.isnan(x[i]):
            continue
        slid[i] = 0.0
        if own[_COUNT] >= ready:
            step = min(own[_USUAL] - x[i], most) - drift
            own[_SLID] = min(max(0.0, own[_SLID] + step), 4.0 * doubtful)
            slid[i], usual[i] = own[_SLID] if step > 0.0 else 0.0, own[_USUAL]
        own[_HELD] = own[_HELD] + 1.0 if own[_SLID] >= doubtful else 0.0
        if own[_HELD] >= _ADOPT:
            own[:] = 0.0
        elif own[_HELD] == 0.0:
            own[_COUNT] += 1.0
            own[_USUAL] += max(1.0 / own[_COUNT], _QUICK) * (x[i] - own[_USUAL])
    return slid, usual
