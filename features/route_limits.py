"""How long a parcel may be on its way where no time was promised: what its route usually takes, and some spreads more.

Of each route (carrier and region) the level and the spread of log(seconds from hand-over to delivery) are followed,

    level  += w (x - level),    spread += w (|x - level| - spread),    w = max(1 / (n + 1), 1 / 200),

where x is the log of a parcel's time, from the 30th on no farther than 4 spreads from the level, so that a lost
parcel that turns up does not stretch what is waited for. A parcel may take exp(level + spreads x spread), never longer
than the limit of the settings; with a normal log, 6 mean absolute deviations are 4.8 standard ones.

Memory: 2,048 routes a partition in 128 kB; routes beyond them go by the limit of the settings.
"""

from __future__ import annotations

import math
from typing import Final

import numba
import numpy as np

from features.batch import F64, I64
from features.state import State

_SLOTS: Final = 4096
_MOST_ROUTES: Final = _SLOTS // 2
_LEAST_PARCELS: Final = 30
_LATEST_PARCELS: Final = 200
_CLIP_SPREADS: Final = 4.0
_LEAST_SPREAD: Final = 0.05  # a carrier is not on time to the second
_COUNT, _LEVEL, _SPREAD = range(3)


@numba.njit(cache=True)
def route_of(carrier: int, region: int) -> int:
    """A number for a route; 0 where the carrier is not known."""
    return (carrier << 32) | region if carrier > 0 else 0


@numba.njit(cache=True)
def _slot_of(route: int, routes: I64) -> int:
    """Where a route is, or would go."""
    last = len(routes) - 1
    slot = (route * 0x9E3779B97F4A7C1 >> 20) & last
    while routes[slot] != 0 and routes[slot] != route:
        slot = (slot + 1) & last
    return slot


@numba.njit(cache=True)
def limit_of(route: int, at_most_ms: int, spreads: float, routes: I64, usual: F64) -> int:
    """Milliseconds that a parcel may take on a route; `at_most_ms` where too little is known of it."""
    slot = _slot_of(route, routes)
    if route == 0 or spreads <= 0.0 or usual[slot, _COUNT] < _LEAST_PARCELS:
        return at_most_ms
    log_seconds = usual[slot, _LEVEL] + spreads * max(usual[slot, _SPREAD], _LEAST_SPREAD)
    return min(at_most_ms, int(math.exp(min(log_seconds, 40.0)) * 1000.0))


@numba.njit(cache=True)
def learn(route: int, seconds: float, routes: I64, usual: F64) -> None:
    """Take in how long a parcel took."""
    slot = _slot_of(route, routes)
    if route == 0 or (routes[slot] == 0 and usual[-1, _COUNT] >= _MOST_ROUTES):
        return
    if routes[slot] == 0:
        routes[slot] = route
        usual[-1, _COUNT] += 1.0  # the last row is no route's: it counts them
    known, level, spread = usual[slot]
    x = math.log(max(seconds, 1.0))
    if known == 0.0:
        level = x
    elif known >= _LEAST_PARCELS:
        far = _CLIP_SPREADS * max(spread, _LEAST_SPREAD)
        x = min(max(x, level - far), level + far)
    weight = max(1.0 / (known + 1.0), 1.0 / _LATEST_PARCELS)
    off = abs(x - level)
    usual[slot, _COUNT] = known + 1.0
    usual[slot, _LEVEL] = level + weight * (x - level)
    usual[slot, _SPREAD] = spread + weight * (off - spread)


class RouteLimits:
    """What the routes of one partition usually take.

    Parameters
    ----------
    spreads
        A parcel is overdue so many spreads beyond its route's level; 0: routes are not looked at.

    >>> limits, route = RouteLimits(spreads=6.0), route_of(1, 2)
    >>> for _ in range(100):
    ...     learn(route, 86_400.0, limits.routes, limits.usual)
    >>> month_ms = 30 * 86_400_000
    >>> hours = limit_of(route, month_ms, limits.spreads, limits.routes, limits.usual) / 3_600_000
    >>> round(hours, 1)
    32.4
    """

    def __init__(self, spreads: float) -> None:
        """Start with no route."""
        self.spreads = spreads
        self.routes = np.zeros(_SLOTS, np.int64)
        self.usual = np.zeros((_SLOTS + 1, 3))

    def get_state(self) -> State:
        """Every route, and its usual time."""
        return {"routes": self.routes, "usual": self.usual}

    def set_state(self, state: State) -> None:
        """Go on from these routes."""
        self.routes, self.usual = state["routes"].copy(), state["usual"].copy()
