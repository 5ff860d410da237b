"""What befalls the simulated shop: the labels of every incident match its events."""

from __future__ import annotations

import statistics
from collections import Counter, defaultdict
from datetime import datetime
from decimal import Decimal
from functools import cache

import msgspec
import pytest

from config.errors import ConfigRefused
from features.event import OrderCreated, decode_event
from stream.simulator.incidents import known, make
from stream.simulator.promotions import CAMPAIGN
from tests.quick_shop import HOUR, QUICK, created_in, decoded, with_incident


@cache
def played(name):
    """Events and labels of a run with this incident as it is by default."""
    run = with_incident(name)
    return list(run), run.labels


def test_the_full_stacking_incident_is_387_orders_of_stale_app_clients_and_costs_over_120000():
    run = with_incident("promotion_stacking", duration_seconds=2 * HOUR, after_seconds=HOUR / 2, orders=387)
    events = decoded(run)
    (label,) = run.labels
    stacked = [
        order
        for order in created_in(events).values()
        if {"P1", "P2"} <= {discount["promotion_id"] for discount in order["discounts"]}
    ]
    assert len(stacked) == len(label.order_ids) == 387
    assert {order["order_id"] for order in stacked} == set(label.order_ids)
    assert {(order["channel"], order["client_version"]) for order in stacked} == {("app", "8.3")}
    assert label.ends_at_ms - label.starts_at_ms <= 2 * HOUR * 1_000
    lost = sum(min(Decimal(d["amount"]) for d in order["discounts"]) for order in stacked)
    assert lost == Decimal(label.loss_minor) / 100 > 120_000
    for order in stacked:
        cost = sum(Decimal(line["unit_cost"]) * line["quantity"] for line in order["line_items"])
        assert 0 < Decimal(order["total_price"]) < cost
    assert label.entity == "promotion_pair/" + "+".join(discount.promotion_id for discount in CAMPAIGN)


@pytest.mark.parametrize("name", sorted(known()))
def test_an_incident_s_labels_match_the_events(name):
    events, labels = played(name)
    keys = {event.key for event in events}
    assert labels
    for label in labels:
        assert label.incident == name
        assert label.families
        assert QUICK.start_ms + HOUR * 1_000 <= label.starts_at_ms <= label.ends_at_ms <= QUICK.end_ms
        assert list(label.shows_ms) == sorted(label.shows_ms)
        assert len(label.shows_ms) == len(label.order_ids) == len(set(label.order_ids))
        assert set(label.order_ids) <= keys


@pytest.mark.parametrize("name", sorted(set(known()) - {"malformed", "wrong_totals"}))  # what these two break
def test_an_incident_s_orders_are_still_events_of_the_contract_with_an_exact_total(name):
    for event in played(name)[0]:
        value = decode_event(event.value)
        if isinstance(value, OrderCreated):
            goods = sum(Decimal(line.price) * line.quantity for line in value.line_items)
            off = sum(Decimal(discount.amount) for discount in value.discounts)
            rest = Decimal(value.total_shipping) + Decimal(value.total_tax)
            assert Decimal(value.total_price) == goods + rest - off


@pytest.mark.parametrize("factor", [10.0, 0.1, 0.01])
def test_a_price_typo_multiplies_one_product_s_price_in_its_time_only(factor):
    run = with_incident("price_typo", factor=factor, rank=2)
    events = decoded(run)
    (label,) = run.labels
    product = label.entity.removeprefix("product/")
    prices = {True: [], False: []}
    for order in created_in(events).values():
        for line in order["line_items"]:
            if line["product_id"] == product:
                prices[order["order_id"] in label.order_ids].append(float(line["price"]))
    assert len(prices[True]) >= 12
    assert len(prices[False]) > 20
    assert statistics.median(prices[True]) == pytest.approx(statistics.median(prices[False]) * factor, rel=0.35)
    assert max(prices[True]) < min(prices[False]) or min(prices[True]) > max(prices[False])


def created_per_half_hour(settings, events, channel=None):
    counts = Counter()
    for event in events:
        value = msgspec.json.decode(event.value)
        if value["event_type"] == "order.created" and channel in {None, value["channel"]}:
            counts[(event.time_ms - settings.start_ms) // 1_800_000] += 1
    return [counts[i] for i in range(6)]


def test_a_flash_surge_multiplies_the_orders():
    run = with_incident("flash_surge", times=4.0)
    before, during = created_per_half_hour(run.settings, run)[1:3]
    assert during / before == pytest.approx(4.0, rel=0.2)


def test_a_product_s_flash_surge_sells_that_product():
    run = with_incident("flash_surge", times=2.0, rank=4)
    events = decoded(run)
    (label,) = run.labels
    orders = created_in(events)
    assert label.entity == "product/prd-000012"
    assert all(
        "prd-000012" in {line["product_id"] for line in orders[number]["line_items"]} for number in label.order_ids
    )


def test_a_silent_drop_takes_nine_orders_in_ten_of_one_channel():
    events, _ = played("silent_drop")
    web, app = (created_per_half_hour(QUICK, events, channel) for channel in ("web", "app"))
    assert web[2] / web[1] < 0.25
    assert app[2] / app[1] > 0.8


def test_a_total_gap_has_no_orders_at_all_while_old_ones_go_on():
    begins = QUICK.start_ms + HOUR * 1_000
    inside = [msgspec.json.decode(e.value) for e in played("total_gap")[0] if begins <= e.time_ms < begins + HOUR * 500]
    kinds = {event["event_type"] for event in inside}
    assert "order.created" not in kinds
    assert "order.delivered" in kinds


def test_a_slow_carrier_s_parcels_take_three_times_as_long_and_no_one_else_s():
    run = with_incident("slow_carrier", carrier="YTO", times=3.0)
    shipped, transit = {}, defaultdict(list)
    events = decoded(run)
    (label,) = run.labels
    slow = set(label.order_ids)
    for event in events:
        at = datetime.fromisoformat(event["occurred_at"]).timestamp()
        if event["event_type"] == "order.shipped":
            shipped[event["order_id"]] = (event["carrier"], at)
        elif event["event_type"] == "order.delivered":
            carrier, since = shipped[event["order_id"]]
            transit[carrier, event["order_id"] in slow].append(at - since)
    assert ("SF", True) not in transit
    usual, late = (statistics.median(transit["YTO", hit]) for hit in (False, True))
    assert late / usual == pytest.approx(3.0, rel=0.3)


def test_a_late_gateway_delays_one_method_s_payments_and_loses_some():
    run = with_incident("late_gateway", method="wechat_pay", delay_minutes=20.0, lost=0.3)
    events = decoded(run)
    (label,) = run.labels
    orders = created_in(events)
    paid = {event["order_id"]: event for event in events if event["event_type"] == "order.paid"}
    confirmed = [number for number in label.order_ids if number in paid]
    waited = [
        datetime.fromisoformat(paid[number]["occurred_at"]) - datetime.fromisoformat(orders[number]["occurred_at"])
        for number in confirmed
    ]
    assert 0.15 < 1 - len(confirmed) / len(label.order_ids) < 0.45
    assert statistics.median(wait.total_seconds() for wait in waited) / 60 == pytest.approx(20, abs=4)
    assert {paid[number]["payments"][0]["method"] for number in confirmed} == {"wechat_pay"}
    lost = set(label.order_ids) - set(confirmed)
    assert not any(event["event_type"] == "order.shipped" for event in events if event.get("order_id") in lost)


def test_duplicate_submissions_repeat_customer_and_basket_within_seconds_under_a_new_number():
    run = with_incident("duplicate_submission", orders=20, payments=10)
    events = decoded(run)
    again, paid_twice = sorted(run.labels, key=lambda label: len(label.families))
    assert (len(again.order_ids), again.families) == (20, {"duplicate"})
    orders = created_in(events)
    for number in again.order_ids:
        second = orders[number]
        first = next(
            order
            for order in orders.values()
            if order["customer_id"] == second["customer_id"]
            and order["line_items"] == second["line_items"]
            and order["order_id"] != number
        )
        apart = datetime.fromisoformat(second["occurred_at"]) - datetime.fromisoformat(first["occurred_at"])
        assert 0 < apart.total_seconds() < 10
    payments = defaultdict(set)
    for event in events:
        if event["event_type"] == "order.paid" and event["order_id"] in paid_twice.order_ids:
            payments[event["order_id"]] |= {payment["payment_id"] for payment in event["payments"]}
    assert len(payments) == len(paid_twice.order_ids) >= 8
    assert all(len(numbers) >= 2 for numbers in payments.values())


def test_an_oversold_product_s_stock_falls_below_zero_while_it_sells():
    run = with_incident("oversell", orders=25, left=3)
    events = decoded(run)
    (label,) = run.labels
    sku = label.entity.removeprefix("sku/")
    levels = [event["available"] for event in events if event.get("sku") == sku]
    others = [event["available"] for event in events if event.get("sku", sku) != sku]
    assert min(levels) < -15
    assert min(others) > 0
    assert levels[-1] > 0
    assert len(label.order_ids) >= 20


def test_malformed_messages_are_refused_and_spoilt_contacts_are_not():
    run = with_incident("malformed", broken=40, spoilt=20)
    refused, spoilt = set(), set()
    for event in run:
        try:
            value = decode_event(event.value)
        except msgspec.DecodeError:
            refused.add(event.key)
        else:
            if isinstance(value, OrderCreated) and value.shipping_address.phone == "call me":
                spoilt.add(event.key)
    (label,) = run.labels
    assert (len(refused), len(spoilt)) == (40, 20)
    assert set(label.order_ids) == refused | spoilt


@pytest.mark.parametrize(
    ("name", "parameters", "words"),
    [
        ("price_typos", {}, "did you mean 'price_typo'"),
        ("price_typo", {"factr": 10}, "unknown parameter 'factr'"),
        ("silent_drop", {"channel": "fax"}, "must be one of app, web, tmall, pos"),
        ("slow_carrier", {"carrier": "UPS"}, "must be one of SF, YTO, ZTO, JD"),
        ("late_gateway", {"method": "cheque"}, "must be one of alipay"),
        ("flash_surge", {"times": 1.0}, "times"),
    ],
)
def test_an_incident_that_makes_no_sense_is_refused_by_name(name, parameters, words):
    with pytest.raises(ConfigRefused, match=words):
        make(name, **parameters)
