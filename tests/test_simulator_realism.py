"""How much like a real shop the simulated one is: its counts, hours, prices, baskets and latencies."""

from __future__ import annotations

import gzip
import os
import statistics
from collections import Counter, defaultdict
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

import msgspec
import numpy as np
import pytest

from stream.simulator import SimulatorSettings, simulate
from stream.simulator.market import REGIONS
from stream.simulator.rhythm import Rhythm, hour_of_week_shape
from tests.quick_shop import HOUR, QUICK, created_in, decoded, honest_day

DATA = Path(os.environ.get("ORDERWATCH_DATA", Path(__file__).parent.parent.parent / "shared" / "data"))
OLIST = DATA / "olist_orders_2016_2017.jsonl.gz"


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


def test_list_prices_are_log_normal_like_real_ones():
    prices = {
        line["product_id"]: float(line["unit_cost"]) / 0.525
        for order in created_in(honest_day()).values()
        for line in order["line_items"]
    }
    logs = np.log(list(prices.values()))
    assert np.median(logs) == pytest.approx(4.31, abs=0.15)
    assert 0.75 < logs.std() < 1.1


def test_0_8_percent_of_honest_orders_hold_two_vouchers():
    orders = created_in(honest_day())
    double = sum(
        sum(discount["type"] == "voucher" for discount in order["discounts"]) >= 2 for order in orders.values()
    )
    assert double / len(orders) == pytest.approx(0.008, abs=0.0025)


def test_nine_orders_in_ten_have_one_line_and_none_more_than_three():
    lines = Counter(len(order["line_items"]) for order in created_in(honest_day()).values())
    assert set(lines) == {1, 2, 3}
    assert lines[1] / lines.total() == pytest.approx(0.895, abs=0.01)


def test_discounted_and_plain_orders_mix():
    orders = created_in(honest_day())
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
