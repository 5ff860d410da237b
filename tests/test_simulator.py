"""The simulated shop keeps to the contract, is the same for the same seed, and refuses what it cannot play."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise

import msgspec
import pytest

from config.errors import ConfigRefused
from config.promotions import PromotionRegister
from features.event import decode_event
from stream.simulator import demo_scenario, promotions_of, simulate
from stream.simulator.incidents import known, make
from stream.simulator.promotions import EXPIRED
from tests.quick_shop import HOUR, QUICK, created_in, honest_day, with_incident

# --- the contract ---------------------------------------------------------------------------------------


def test_every_honest_event_is_an_event_of_the_contract():
    for event in honest_day():
        decode_event(msgspec.json.encode(event))
    assert {event["event_type"] for event in honest_day()} == {
        "order.created",
        "order.paid",
        "order.approved",
        "order.shipped",
        "order.delivered",
        "order.cancelled",
        "order.refunded",
        "inventory.updated",
    }


def test_every_honest_total_is_exactly_what_the_amount_formula_gives():
    for order in created_in(honest_day()).values():
        goods = sum(Decimal(line["price"]) * line["quantity"] for line in order["line_items"])
        off = sum(Decimal(discount["amount"]) for discount in order["discounts"])
        total = goods + Decimal(order["total_shipping"]) + Decimal(order["total_tax"]) - off
        assert Decimal(order["total_price"]) == total > 0


def test_every_honest_payment_is_the_order_s_total():
    orders = created_in(honest_day())
    paid = [event for event in honest_day() if event["event_type"] == "order.paid"]
    for event in paid:
        received = sum(Decimal(payment["amount"]) for payment in event["payments"])
        assert received == Decimal(orders[event["order_id"]]["total_price"])
    assert any(len(event["payments"]) == 2 for event in paid)


def test_no_honest_order_is_sold_below_cost():
    for order in created_in(honest_day()).values():
        cost = sum(Decimal(line["unit_cost"]) * line["quantity"] for line in order["line_items"])
        goods = sum(Decimal(line["price"]) * line["quantity"] for line in order["line_items"])
        assert goods - sum(Decimal(discount["amount"]) for discount in order["discounts"]) > cost


def test_no_honest_order_holds_two_promotions_that_exclude_each_other_or_one_twice():
    for order in created_in(honest_day()).values():
        applied = [discount["promotion_id"] for discount in order["discounts"]]
        assert len(applied) == len(set(applied))
        assert not {"P1", "P2"} <= set(applied)


def test_honest_discounts_keep_to_the_register():
    register = PromotionRegister.parse(promotions_of(QUICK))
    seen = Counter()
    for order in created_in(honest_day()).values():
        goods = sum(Decimal(line["price"]) * line["quantity"] for line in order["line_items"])
        for discount in order["discounts"]:
            promotion = register.get(discount["promotion_id"])
            assert Decimal(discount["amount"]) / goods <= Decimal(str(promotion.max_discount_rate))
            assert not promotion.is_too_old(order.get("client_version"))
            seen[promotion.promotion_id] += 1
    assert set(seen) == set(register.promotions) - {EXPIRED}
    assert register.excluded_pairs() == {frozenset({"P1", "P2"})}


def test_the_register_expects_about_as_many_orders_as_come():
    expected = {
        entry["promotion_id"]: entry["expected_orders_per_hour"] * 24
        for entry in promotions_of(replace(QUICK, orders_per_second=0.14))["promotions"]
        if entry["promotion_id"] != EXPIRED
    }
    seen = Counter(d["promotion_id"] for order in created_in(honest_day()).values() for d in order["discounts"])
    for promotion in ("P1", "P2", "P3", "P4"):
        assert 0.6 < seen[promotion] / expected[promotion] < 1.6


def test_an_order_s_stages_come_in_their_order_and_event_ids_are_unique():
    stages = defaultdict(list)
    for event in honest_day():
        stages[event.get("order_id")].append(event["event_type"])
    usual = [f"order.{stage}" for stage in ("created", "paid", "approved", "shipped", "delivered", "refunded")]
    complete = [life for order, life in stages.items() if order and "order.delivered" in life]
    assert len(complete) > 10_000
    assert all(life == usual[: len(life)] for life in complete)
    assert len({event["event_id"] for event in honest_day()}) == len(honest_day())


def test_an_order_created_event_has_about_700_bytes():
    sizes = [len(e.value) for e in simulate(replace(QUICK, life_cycle=False, duration_seconds=HOUR))]
    assert 600 < statistics.mean(sizes) < 800


# --- determinism and time -------------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_bytes_and_another_seed_others():
    incidents = tuple(make(name, after_seconds=HOUR) for name in known())
    settings = replace(QUICK, duration_seconds=2 * HOUR, incidents=incidents)
    one, other = simulate(settings), simulate(settings)
    assert list(one) == list(other)
    assert one.labels == other.labels
    assert {e.key for e in simulate(replace(QUICK, seed=12)) if e.key[:4] != "sku-"}.isdisjoint(
        e.key for e in simulate(QUICK)
    )


@pytest.mark.parametrize("orders_per_second", [0.02, 0.4, 30.0])
def test_events_come_in_order_of_event_time_and_within_the_run(orders_per_second):
    settings = replace(
        QUICK,
        orders_per_second=orders_per_second,
        duration_seconds=400.0,
        start=datetime(2026, 1, 5, 9, 57, 3, tzinfo=UTC),
    )
    events = list(simulate(settings))
    assert all(earlier.time_ms <= later.time_ms for earlier, later in pairwise(events))
    assert settings.start_ms <= events[0].time_ms
    assert events[-1].time_ms < settings.end_ms
    for event in events:
        occurred_at = datetime.fromisoformat(msgspec.json.decode(event.value)["occurred_at"])
        assert round(occurred_at.timestamp() * 1_000) == event.time_ms


def test_the_key_of_an_event_is_its_order_or_its_sku():
    for event in simulate(replace(QUICK, duration_seconds=HOUR)):
        value = msgspec.json.decode(event.value)
        assert event.key == value.get("order_id", value.get("sku"))


def test_an_incident_leaves_the_honest_orders_of_the_run_as_they_are():
    plain = {event.value for event in simulate(QUICK) if b"order.created" in event.value}
    run = with_incident("promotion_stacking", orders=30)
    spoilt = {event.value for event in run if b"order.created" in event.value}
    assert plain < spoilt
    assert len(spoilt - plain) == 30


# --- settings and the demo ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"orders_per_second": 0.0}, "orders_per_second = 0: must be finite, above 0"),
        ({"orders_per_second": float("nan")}, "orders_per_second = nan"),
        ({"duration_seconds": float("inf")}, "duration_seconds = inf"),
        ({"season_strength": 1.5}, "season_strength = 1.5: must be finite, at least 0 and at most 1"),
        ({"dispersion": 0.5}, "dispersion = 0.5"),
        ({"products": 19}, "products = 19: must be finite, at least 20"),
        ({"start": datetime(2026, 1, 1)}, "must have a zone"),  # noqa: DTZ001  # that is the point
    ],
)
def test_settings_that_cannot_be_simulated_are_refused_by_name(changes, words):
    with pytest.raises(ConfigRefused, match=words.replace("(", r"\(")):
        replace(QUICK, **changes)


def test_the_demo_plays_its_incidents_once_the_first_day_is_over_and_none_into_another():
    settings = demo_scenario()
    spans = [(i.after_seconds, i.after_seconds + i.duration_seconds) for i in settings.incidents]
    assert spans[0][0] > 24 * HOUR
    assert all(end + 600 <= begin for (_, end), (begin, _) in pairwise(spans))
    assert spans[-1][1] < settings.duration_seconds


def test_the_demo_has_a_hundred_thousand_events_and_every_label_shows():
    run = simulate(demo_scenario())
    kinds = Counter(event.value.partition(b'"event_type":"')[2].partition(b'"')[0] for event in run)
    assert 60_000 < kinds.total() < 150_000
    assert kinds[b"order.delivered"] > 0.9 * kinds[b"order.created"]
    assert len(run.labels) == len(demo_scenario().incidents) + 1  # duplicates have two
    assert all(label.order_ids or label.incident in {"silent_drop", "total_gap"} for label in run.labels)
