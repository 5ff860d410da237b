"""How long a parcel may take on its route: learned of parcels that came, and not stretched by lost ones."""

from __future__ import annotations

import math

import numpy as np
import pytest

from features.route_limits import RouteLimits, learn, limit_of, route_of

DAY_SECONDS = 86_400.0
MONTH_MS = int(30 * DAY_SECONDS * 1000)


def limit_days(limits, route=None, at_most_ms=MONTH_MS):
    route = route_of(3, 7) if route is None else route
    return limit_of(route, at_most_ms, limits.spreads, limits.routes, limits.usual) / DAY_SECONDS / 1000.0


def learned(seconds, spreads=6.0, route=None):
    limits = RouteLimits(spreads)
    for one in seconds:
        learn(route_of(3, 7) if route is None else route, float(one), limits.routes, limits.usual)
    return limits


def test_a_route_of_two_days_give_or_take_a_quarter_is_waited_for_as_long_as_six_spreads_say():
    times = 2 * DAY_SECONDS * np.exp(np.random.default_rng(1).normal(0.0, 0.2, 5_000))
    mean_deviation = 0.2 * math.sqrt(2 / math.pi)
    limit = limit_days(learned(times))
    assert limit == pytest.approx(2 * math.exp(6 * mean_deviation), rel=0.15)
    assert (times / DAY_SECONDS > limit).mean() < 1e-3


def test_parcels_that_turn_up_after_weeks_do_not_stretch_what_is_waited_for():
    draw = np.random.default_rng(2)
    times = 2 * DAY_SECONDS * np.exp(draw.normal(0.0, 0.2, 2_000))
    lost = np.where(draw.random(2_000) < 0.02, 25 * DAY_SECONDS, times)
    assert limit_days(learned(lost)) < 1.4 * limit_days(learned(times))


def test_a_route_that_has_become_slower_is_waited_for_longer_within_a_few_hundred_parcels():
    limits = learned([2 * DAY_SECONDS] * 500 + [4 * DAY_SECONDS] * 600)
    assert limit_days(limits) > 4.0


@pytest.mark.parametrize(
    ("parcels", "spreads", "route", "at_most_days"),
    [(29, 6.0, None, 30), (500, 0.0, None, 30), (500, 6.0, route_of(0, 7), 30), (500, 6.0, None, 1)],
)
def test_the_limit_of_the_settings_holds_where_a_route_is_not_known_or_takes_longer(
    parcels, spreads, route, at_most_days
):
    limits = learned([2 * DAY_SECONDS] * parcels, spreads, route)
    assert limit_days(limits, route, int(at_most_days * DAY_SECONDS * 1000)) == at_most_days


def test_routes_beyond_the_room_there_is_go_by_the_limit_of_the_settings():
    limits = RouteLimits(6.0)
    for _ in range(30):
        for region in range(1, 3_001):
            learn(route_of(1, region), DAY_SECONDS, limits.routes, limits.usual)
    known = [limit_days(limits, route_of(1, region)) < 2 for region in range(1, 3_001)]
    assert (sum(known[:2_048]), sum(known[2_048:])) == (2_048, 0)
