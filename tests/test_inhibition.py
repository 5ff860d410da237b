"""One root alert silences its consequences, and nothing else."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from config.policy import Policy
from config.settings import load
from models.verdict import Signal, Verdict
from stream.incidents import Incidents
from stream.inhibition import waits_ms

MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS
BEGIN_MS = 1_770_000_000_000
ALERTS = load().alerts


def order(kind, entity_type, entity, at_ms, **more):
    signal = Signal("part", kind, 1.0, 1.0, 1.0, math.nan, 0.0, is_rule=True)
    at_ms += BEGIN_MS
    return Verdict(
        kind, 1.0, entity_type, entity, at_ms, at_ms, 0, at_ms, (signal,), **{"order_id": f"o{at_ms}"} | more
    )


def window(kind, entity_type, entity, hours, observed, high):
    """Verdict on a window from one hour until another."""
    begins, ends = (BEGIN_MS + round(hour * HOUR_MS) for hour in hours)
    signal = Signal("part", kind, 0.9999999, 1.0, observed, 0.0, high, is_rule=False)
    return Verdict(kind, 0.9999999, entity_type, entity, ends, ends, -1, 0, (signal,), window_ms=(begins, ends))


def told(verdicts, incidents=None):
    """Kinds and entities that fire."""
    incidents = Incidents(ALERTS, Policy.load().answer) if incidents is None else incidents
    ordered = sorted(verdicts, key=lambda one: one.place)
    notes = incidents.take(ordered, ordered[-1].clock_ms + 1)
    return [(note.incident.head.kind, note.incident.head.entity) for note in notes if note.transition == "firing"]


STACK = [order("promotion.exclusive_pair", "promotion_pair", "P1+P2", i * MINUTE_MS) for i in range(60)]


@pytest.mark.parametrize(
    ("observed", "high", "fires"), [(40, 10, False), (70, 10, False), (71, 10, True), (40, math.nan, True)]
)
def test_stacking_explains_as_many_sales_of_a_product_as_it_was_seen_on(observed, high, fires):
    surge = window("volume.surge", "product", "p1", (0, 1), observed, high)
    assert (("volume.surge", "p1") in told([*STACK, surge])) == fires


@pytest.mark.parametrize(("hours", "fires"), [((0.5, 4), False), ((1.5, 5), True)])
def test_what_has_ended_explains_the_windows_that_reach_back_into_it(hours, fires):
    surge = window("promotion.surge", "promotion", "P1", hours, 90, 50)
    assert (("promotion.surge", "P1") in told([*STACK, surge])) == fires


def test_stacking_explains_no_other_promotion():
    surge = window("promotion.surge", "promotion", "P3", (0, 1), 90, 50)
    assert ("promotion.surge", "P3") in told([*STACK, surge])


def test_what_ended_is_still_known_after_a_restart():
    before, later = (Incidents(ALERTS, Policy.load().answer) for _ in range(2))
    told([*STACK, order("price.below_cost", "product", "p9", 3 * HOUR_MS)], before)
    later.set_state(before.get_state())
    assert told([window("promotion.surge", "promotion", "P1", (0.5, 4), 90, 50)], later) == []


HOUR_OF_LOW_MARGINS = [
    order("price.channel_margin_falling", "channel", "app", i * MINUTE_MS, segment={"channel": "app"}) for i in range(3)
]


@pytest.mark.parametrize(
    ("kind", "channel", "fires"),
    [
        ("price.below_cost", "app", False),
        ("price.margin_falling", "app", False),
        ("price.below_cost", "web", True),
        ("price.outlier", "app", True),
        ("price.decimal_shift", "app", True),
    ],
)
def test_an_hour_of_low_margins_explains_its_channel_s_cheap_orders_but_no_wrong_digit(kind, channel, fires):
    cheap = order(kind, "product", "p1", 5 * MINUTE_MS, segment={"channel": channel})
    again = replace(cheap, clock_ms=cheap.clock_ms + 1, offset=cheap.offset + 1)
    assert ((kind, "p1") in told([*HOUR_OF_LOW_MARGINS, cheap, again])) == fires


def test_a_shop_that_sells_nothing_explains_that_no_stock_level_moves():
    gap = window("volume.zero", "shop", "all", (0, 0.2), 0, 80)
    feed = window("inventory.feed_silent", "feed", "inventory", (0, 0.7), 0, 90)
    assert told([gap, feed]) == [("volume.zero", "all")]
    assert told([feed]) == [("inventory.feed_silent", "inventory")]


DOWN = [window("payment.callbacks_missing", "payment_method", "card", (0.5, 1), 0, 40)]
WAITS = waits_ms({"paid": 6 * 3_600, "approved": 2 * 3_600})


def overdue(kind, placed_hour):
    """An order of the hour that was not paid, or not approved, when its time was over."""
    return order(kind, "channel", "app", round(placed_hour * HOUR_MS) + WAITS[kind])


@pytest.mark.parametrize("kind", ["payment.overdue", "process.approval_overdue"])
@pytest.mark.parametrize(("placed_hour", "fires"), [(0.6, False), (0.9, False), (2.5, True), (-1.0, True)])
def test_a_gateway_that_was_down_explains_the_orders_that_waited_then_and_no_others(kind, placed_hour, fires):
    incidents = Incidents(ALERTS, Policy.load().answer, WAITS)
    found = told([*DOWN, overdue(kind, placed_hour)], incidents)
    assert ((kind, "app") in found) == fires


def test_one_more_restart_does_not_forget_what_the_gateway_explains():
    before, later = (Incidents(ALERTS, Policy.load().answer, WAITS) for _ in range(2))
    told([*DOWN, order("price.below_cost", "product", "p9", 5 * HOUR_MS)], before)
    later.set_state(before.get_state())
    assert told([overdue("payment.overdue", 0.9)], later) == []


@pytest.mark.parametrize(("route", "fires"), [("paid/card", False), ("paid/transfer", True)])
def test_a_gateway_that_is_down_explains_that_its_own_callbacks_are_slow(route, fires):
    slow = order("latency.slow_route", "route", route, round(1.2 * HOUR_MS))
    assert (("latency.slow_route", route) in told([*DOWN, slow])) == fires


ALL = window("payment.failures_surge", "payments", "failed", (0.5, 1), 30, 2)
CARD = window("payment.failures_surge", "payment_method", "card", (0.5, 1.1), 30, 2)


def test_failures_of_one_method_are_told_by_its_name_and_those_of_all_at_once_as_one():
    assert told([ALL, CARD]) == [("payment.failures_surge", "failed")]
    early = window("payment.failures_surge", "payment_method", "card", (0.5, 0.9), 30, 2)
    assert told([early, ALL]) == [("payment.failures_surge", "card")]
