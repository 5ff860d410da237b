"""Payments, stock, duplicates and missing orders: each incident of a shop is caught, and its honest days are quiet."""

from __future__ import annotations

from datetime import datetime
from functools import cache
from pathlib import Path

import msgspec
import pytest

import config
from config.policy import Policy
from config.promotions import PromotionRegister
from config.settings import load
from stream.replay import replay
from stream.simulator import SimulatorSettings, promotions_of, simulate
from stream.simulator.incidents import make

HOUR = 3_600.0
DEMO = Path(config.__file__).with_name("demo.yaml")
WARM = load(
    DEMO,
    features={"product_age": {"on": True, "params": {"warm_up_days": 0.5}}},
    alerts={"budget_per_day": 200},  # ten incidents in one day are more than anybody plans for
)

INCIDENTS = (
    "paid_status_only",
    "wrong_amount",
    "failing_payments",
    "wrong_refund",
    "paid_then_cancelled",
    "phantom_stock",
    "reused_numbers",
    "lost_orders",
    "silent_stock_feed",
    "hot_launch",
    "late_stock_feed",
)
CAUGHT_BY = {
    "payment.paid_without_payment": "paid_status_only",
    "payment.amount_mismatch": "wrong_amount",
    "missing.reconciliation": "wrong_amount",
    "payment.failures_surge": "failing_payments",
    "payment.double_refund": "wrong_refund",
    "payment.refund_over_paid": "wrong_refund",
    "payment.kept_after_cancel": "paid_then_cancelled",
    "inventory.sold_without_stock": "phantom_stock",
    "duplicate.order_number": "reused_numbers",
    "duplicate.event": "reused_numbers",
    "missing.order_numbers": "lost_orders",
    "missing.order": "lost_orders",
    "inventory.feed_silent": "silent_stock_feed",
    "inventory.new_product_surge": "hot_launch",
    "inventory.feed_late": "late_stock_feed",
}
WITHIN_HOURS = {"payment.kept_after_cancel": 3.5, "missing.order": 2.5}
"""Where a grace time goes by first."""
QUIET = {*CAUGHT_BY, "inventory.oversold", "payment.double"}


def starts(name):
    """Hour at which an incident of the run begins: a day is warm-up, then one after another."""
    return 25.0 + 1.2 * INCIDENTS.index(name)


@cache
def shop(*, honest):
    """Firing alerts by kind, and the orders that each incident touched, of 42 hours at nine orders a minute."""
    incidents = [] if honest else [make(name, after_seconds=starts(name) * HOUR) for name in INCIDENTS]
    scenario = SimulatorSettings(
        seed=5,
        duration_seconds=42 * HOUR,
        orders_per_second=0.14,
        latency_scale=1 / 240,
        promise_sigmas=3.0,
        products=300,
        incidents=tuple(incidents),
    )
    run, alerts = simulate(scenario), []
    lines = [event.value for event in run]
    register = PromotionRegister.parse(promotions_of(scenario))
    replay(lines, WARM, register, on_alert=lambda alert: alerts.append(msgspec.json.decode(alert.data)["data"]))
    touched = {label.incident: set() for label in run.labels}
    for label in run.labels:
        touched[label.incident].update(label.order_ids)
    begin_hour = scenario.start_ms / 1_000 / HOUR
    return [alert for alert in alerts if alert["status"] == "firing"], touched, begin_hour


def hour_of(alert, begin_hour):
    return datetime.fromisoformat(alert["startsAt"]).timestamp() / HOUR - begin_hour


@pytest.mark.parametrize(("kind", "incident"), CAUGHT_BY.items())
def test_an_incident_is_caught_by_its_own_kind_soon_after_it_begins(kind, incident):
    alerts, touched, begin_hour = shop(honest=False)
    since = [alert for alert in alerts if alert["kind"] == kind and hour_of(alert, begin_hour) >= starts(incident)]
    assert since
    assert hour_of(since[0], begin_hour) - starts(incident) < WITHIN_HOURS.get(kind, 1.5)
    assert set(since[0]["order_ids"]) <= touched[incident]


@pytest.mark.parametrize("kind", sorted(QUIET))
def test_the_same_shop_without_incidents_raises_none_of_them(kind):
    assert [alert for alert in shop(honest=True)[0] if alert["kind"] == kind] == []


def test_an_order_told_twice_is_no_second_order_of_its_customer():
    alerts, touched, _ = shop(honest=False)
    doubled = {order for alert in alerts if alert["kind"] == "duplicate.order" for order in alert["order_ids"]}
    assert doubled.isdisjoint(touched["reused_numbers"])


@pytest.mark.parametrize("kind", sorted(QUIET))
def test_every_kind_is_answered_in_words_of_its_own(kind):
    policy = Policy.load()
    if kind != "inventory.oversold":
        assert policy.answer(kind) != policy.answer(kind.partition(".")[0])
