from __future__ import annotations

import gzip
import os
import statistics
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from itertools import pairwise
from pathlib import Path

import msgspec
import numpy as np
import pytest

from config.errors import ConfigRefused
from config.promotions import PromotionRegister
from features.event import decode_event
from stream.simulator import SimulatorSettings, demo_scenario, promotions_of, simulate
from stream.simulator.incidents import known, make
from stream.simulator.market import REGIONS
from stream.simulator.promotions import EXPIRED
from stream.simulator.rhythm import Rhythm, hour_of_week_shape

DATA = Path(os.environ.get("ORDERWATCH_DATA", Path(__file__).parent.parent.parent / "shared" / "data"))
OLIST = DATA / "olist_orders_2016_2017.jsonl.gz"

HOUR = 3_600.0
QUICK = SimulatorSettings(
    seed=11,
    duration_seconds=3 * HOUR,
    orders_per_second=0.2,
    season_strength=0.0,
    latency_scale=1 / 2_000,
    products=60,
    customers=5_000,
)


def decoded(run):
    return [msgspec.json.decode(event.value) for event in run]


def created_in(events):
    return {event["order_id"]: event for event in events if event["event_type"] == "order.created"}


def with_incident(name, settings=QUICK, **parameters):
    given = {"after_seconds": HOUR, "duration_seconds": HOUR / 2} | parameters
    return simulate(replace(settings, incidents=(make(name, **given),)))


@pytest.fixture(scope="module")
def honest():
    """About 12,000 orders of one flat day, as JSON."""
    day = replace(QUICK, duration_seconds=24 * HOUR, orders_per_second=0.14, products=400)
    return decoded(simulate(day))


# --- the contract ---------------------------------------------------------------------------------------


def test_every_honest_event_is_an_event_of_the_contract(honest):
    for event in honest:
        decode_event(msgspec.json.encode(event))
    assert {event["event_type"] for event in honest} == {
        "order.created",
        "order.paid",
        "order.approved",
        "order.shipped",
        "order.delivered",
        "order.cancelled",
        "order.refunded",
        "inventory.updated",
    }


def test_every_honest_total_is_exactly_what_the_amount_formula_gives(honest):
    for order in created_in(honest).values():
        goods = sum(Decimal(line["price"]) * line["quantity"] for line in order["line_items"])
        off = sum(Decimal(discount["amount"]) for discount in order["discounts"])
        total = goods + Decimal(order["total_shipping"]) + Decimal(order["total_tax"]) - off
        assert Decimal(order["total_price"]) == total > 0


def test_every_honest_payment_is_the_order_s_total(honest):
    orders = created_in(honest)
    paid = [event for event in honest if event["event_type"] == "order.paid"]
    for event in paid:
        received = sum(Decimal(payment["amount"]) for payment in event["payments"])
        assert received == Decimal(orders[event["order_id"]]["total_price"])
    assert any(len(event["payments"]) == 2 for event in paid)


def test_no_honest_order_is_sold_below_cost(honest):
    for order in created_in(honest).values():
        cost = sum(Decimal(line["unit_cost"]) * line["quantity"] for line in order["line_items"])
        goods = sum(Decimal(line["price"]) * line["quantity"] for line in order["line_items"])
        assert goods - sum(Decimal(discount["amount"]) for discount in order["discounts"]) > cost


def test_no_honest_order_holds_two_promotions_that_exclude_each_other_or_one_twice(honest):
    for order in created_in(honest).values():
        applied = [discount["promotion_id"] for discount in order["discounts"]]
        assert len(applied) == len(set(applied))
        assert not {"P1", "P2"} <= set(applied)


def test_honest_discounts_keep_to_the_register(honest):
    register = PromotionRegister.parse(promotions_of(QUICK))
    seen = Counter()
    for order in created_in(honest).values():
        goods = sum(Decimal(line["price"]) * line["quantity"] for line in order["line_items"])
        for discount in order["discounts"]:
            promotion = register.get(discount["promotion_id"])
            assert Decimal(discount["amount"]) / goods <= Decimal(str(promotion.max_discount_rate))
            assert not promotion.is_too_old(order.get("client_version"))
            seen[promotion.promotion_id] += 1
    assert set(seen) == set(register.promotions) - {EXPIRED}
    assert register.excluded_pairs() == {frozenset({"P1", "P2"})}


def test_the_register_expects_about_as_many_orders_as_come(honest):
    expected = {
        entry["promotion_id"]: entry["expected_orders_per_hour"] * 24
        for entry in promotions_of(replace(QUICK, orders_per_second=0.14))["promotions"]
        if entry["promotion_id"] != EXPIRED
    }
    seen = Counter(d["promotion_id"] for order in created_in(honest).values() for d in order["discounts"])
    for promotion in ("P1", "P2", "P3", "P4"):
        assert 0.6 < seen[promotion] / expected[promotion] < 1.6


def test_an_order_s_stages_come_in_their_order_and_event_ids_are_unique(honest):
    stages = defaultdict(list)
    for event in honest:
        stages[event.get("order_id")].append(event["event_type"])
    usual = [f"order.{stage}" for stage in ("created", "paid", "approved", "shipped", "delivered", "refunded")]
    complete = [life for order, life in stages.items() if order and "order.delivered" in life]
    assert len(complete) > 10_000
    assert all(life == usual[: len(life)] for life in complete)
    assert len({event["event_id"] for event in honest}) == len(honest)


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


# --- calibration ----------------------------------------------------------------------------------------


def dispersion(width_ms, dispersion=2.25):
    """Variance over mean of counts per `width_ms` around the expected ones, over 40 weeks at 5 an hour."""
    settings = SimulatorSettings(duration_seconds=40 * 7 * 24 * HOUR, orders_per_second=5 / HOUR, dispersion=dispersion)
    rhythm = Rhythm(settings, np.random.default_rng(3))
    squared = total = 0.0
    for slot in rhythm.slots():
        bins = (slot.ends_ms - slot.starts_ms) // width_ms
        counts = np.bincount((rhythm.times(slot) - slot.starts_ms) // width_ms, minlength=bins)
        squared += float(((counts - slot.expected / bins) ** 2).sum())
        total += slot.expected
    return squared / total


def test_hourly_counts_vary_2_25_times_as_much_as_poisson_while_minutes_hardly_do():
    assert dispersion(3_600_000) == pytest.approx(2.25, rel=0.12)
    assert 1.0 < dispersion(60_000) < 1.12


def test_dispersion_one_is_a_poisson_stream():
    assert dispersion(3_600_000, dispersion=1.0) == pytest.approx(1.0, abs=0.1)


def test_the_rate_asked_for_is_the_mean_over_a_week():
    week = SimulatorSettings(duration_seconds=7 * 24 * HOUR, orders_per_second=0.02)
    slots = list(Rhythm(week, np.random.default_rng(1)).slots())
    assert sum(slot.expected for slot in slots) == pytest.approx(week.duration_seconds * 0.02)


def test_orders_follow_the_local_hour_of_the_week():
    monday_midnight = datetime(2026, 3, 1, 16, tzinfo=UTC)  # in Shanghai
    week = SimulatorSettings(start=monday_midnight, duration_seconds=7 * 24 * HOUR, orders_per_second=0.1)
    slots = list(Rhythm(week, np.random.default_rng(1)).slots())
    assert [slot.expected / 360 for slot in slots] == pytest.approx(hour_of_week_shape().tolist())


def olist_orders():
    if not OLIST.exists():
        pytest.skip(f"no {OLIST}: set ORDERWATCH_DATA to the folder of the public data sets")
    with gzip.open(OLIST) as lines:
        return msgspec.json.Decoder().decode_lines(lines.read())


@pytest.fixture(scope="module")
def real():
    return olist_orders()


def test_the_hour_of_week_shape_is_that_of_real_orders(real):
    hours = Counter()
    for order in real:
        if order["purchase"] >= "2017-02":
            bought = datetime.fromisoformat(order["purchase"])
            hours[bought.weekday() * 24 + bought.hour] += 1
    counts = np.array([hours[hour] for hour in range(168)])
    measured = counts / counts.mean()
    assert np.corrcoef(measured, hour_of_week_shape())[0, 1] > 0.98
    assert np.abs(measured - hour_of_week_shape()).mean() < 0.1


def spread_around_own_median(prices):
    deviations = [
        abs(float(d)) for own in prices.values() if len(own) >= 5 for d in np.log(own) - np.median(np.log(own))
    ]
    return np.percentile(deviations, [75, 95, 99])


def test_prices_lie_around_the_product_s_own_level_as_real_ones_do(real):
    ours, theirs = defaultdict(list), defaultdict(list)
    many_days = replace(QUICK, duration_seconds=40 * 24 * HOUR, orders_per_second=0.002, life_cycle=False)
    for order in decoded(simulate(many_days)):
        for line in order["line_items"]:
            ours[line["product_id"]].append(float(line["price"]))
    for order in real:
        for item in order["items"]:
            theirs[item["product_id"]].append(item["price"])
    (calm, wide, widest), (real_calm, real_wide, real_widest) = map(spread_around_own_median, (ours, theirs))
    assert calm < 0.02
    assert real_calm < 0.02
    assert wide == pytest.approx(real_wide, abs=0.06)
    assert widest == pytest.approx(real_widest, abs=0.12)


def test_list_prices_are_log_normal_like_real_ones(honest):
    prices = {
        line["product_id"]: float(line["unit_cost"]) / 0.525
        for order in created_in(honest).values()
        for line in order["line_items"]
    }
    logs = np.log(list(prices.values()))
    assert np.median(logs) == pytest.approx(4.31, abs=0.15)
    assert 0.75 < logs.std() < 1.1


def test_0_8_percent_of_honest_orders_hold_two_vouchers(honest):
    orders = created_in(honest)
    double = sum(
        sum(discount["type"] == "voucher" for discount in order["discounts"]) >= 2 for order in orders.values()
    )
    assert double / len(orders) == pytest.approx(0.008, abs=0.0025)


def test_nine_orders_in_ten_have_one_line_and_none_more_than_three(honest):
    lines = Counter(len(order["line_items"]) for order in created_in(honest).values())
    assert set(lines) == {1, 2, 3}
    assert lines[1] / lines.total() == pytest.approx(0.895, abs=0.01)


def test_discounted_and_plain_orders_mix(honest):
    orders = created_in(honest)
    assert 0.12 < sum(bool(order["discounts"]) for order in orders.values()) / len(orders) < 0.30


@cache
def deliveries(latency_scale, days):
    """Region, days taken and days promised of about 2,500 orders."""
    rate = 2_500 / (days * 24 * HOUR)
    run = SimulatorSettings(duration_seconds=days * 24 * HOUR, orders_per_second=rate, latency_scale=latency_scale)
    begun, taken = {}, []
    for event in simulate(run):
        value = msgspec.json.decode(event.value)
        if value["event_type"] == "order.created":
            promised = datetime.fromisoformat(value["promised_at"]).timestamp() * 1_000
            begun[event.key] = (value["shipping_address"]["region"], event.time_ms, promised)
        elif value["event_type"] == "order.delivered":
            region, created_ms, promised = begun[event.key]
            taken.append((region, *((ms - created_ms) / 86_400_000 for ms in (event.time_ms, promised))))
    return taken


def median_days(latency_scale, days):
    taken = defaultdict(list)
    for region, needed, _ in deliveries(latency_scale, days):
        taken[region].append(needed)
    return {region: statistics.median(needed) for region, needed in taken.items()}


def test_one_delivery_in_fifteen_comes_after_its_promised_day():
    taken = deliveries(1.0, days=150)
    assert 0.04 < sum(needed > promised for _, needed, promised in taken) / len(taken) < 0.09


def test_deliveries_take_from_seven_to_twenty_six_days_by_region():
    medians = median_days(1.0, days=150)
    near, far = medians["Shanghai"], max(medians.values())
    assert near == pytest.approx(7.6, abs=1.0) == min(medians.values())
    assert 18 < far < 29
    assert set(medians) == {region.name for region in REGIONS}


def test_latency_scale_shortens_what_takes_days():
    assert median_days(1 / 100, days=20)["Shanghai"] == pytest.approx(0.076, abs=0.02)


def test_cards_are_paid_in_minutes_and_transfers_in_a_scaled_day():
    settings = replace(QUICK, latency_scale=0.1, duration_seconds=12 * HOUR, orders_per_second=0.1)
    begun, minutes = {}, defaultdict(list)
    for event in simulate(settings):
        value = msgspec.json.decode(event.value)
        if value["event_type"] == "order.created":
            begun[value["order_id"]] = event.time_ms
        elif value["event_type"] == "order.paid":
            minutes[value["payments"][0]["method"]].append((event.time_ms - begun[event.key]) / 60_000)
    assert statistics.median(minutes["credit_card"]) == pytest.approx(14, abs=2)
    assert statistics.median(minutes["alipay"]) == pytest.approx(1.5, abs=0.3)
    assert statistics.median(minutes["bank_transfer"]) == pytest.approx(175, abs=50)


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
