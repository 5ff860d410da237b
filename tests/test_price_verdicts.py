"""What a wrong price is taken for: a typo, another price list, or the cause of a coupon that looks too deep."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from functools import cache
from pathlib import Path

import msgspec
import pytest

import config
from config.promotions import PromotionRegister
from config.settings import load
from models.verdict import family_of
from stream.replay import replay
from stream.simulator import SimulatorSettings, promotions_of, simulate
from stream.simulator.incidents import make

DEMO = Path(config.__file__).parent / "demo.yaml"
HOUR, EVERY_MS = 3_600.0, 2_700_000
LIST_FROM, HOURS = 10, 24


def wrong(order, factor):
    """The order with its first line at `factor` times the price, and a total to match."""
    line = order["line_items"][0]
    price = Decimal(line["price"])
    line["price"] = str((price * Decimal(str(factor))).quantize(Decimal("0.01")))
    order["total_price"] = str(Decimal(order["total_price"]) + (Decimal(line["price"]) - price) * line["quantity"])
    return msgspec.json.encode(order)


def time_ms(event):
    return datetime.fromisoformat(event["occurred_at"]).timestamp() * 1_000


@cache
def played(share, factor):
    """A shop that sells by a second list from the tenth hour on, and makes a typo every 45 minutes: typos, alerts."""
    lists = make(
        "second_price_list", after_seconds=LIST_FROM * HOUR, duration_seconds=(HOURS - LIST_FROM) * HOUR, share=share,
        factor=factor,
    )  # fmt: skip
    shop = SimulatorSettings(
        seed=5, duration_seconds=HOURS * HOUR, orders_per_second=0.14, season_strength=0.0, latency_scale=1 / 240,
        promise_sigmas=3.0, products=100, customers=60_000, incidents=(lists,) if share else (),
    )  # fmt: skip
    run = simulate(shop)
    lines, listed, typos = [event.value for event in run], {o for label in run.labels for o in label.order_ids}, []
    due_ms = shop.start_ms + LIST_FROM * HOUR * 1_000
    for i, line in enumerate(lines):
        if b'"order.created"' in line:
            order = msgspec.json.decode(line)
            is_due = time_ms(order) >= due_ms and (order["channel"] == "web" or len(typos) % 3)
            if is_due and order["order_id"] not in listed and not order.get("discounts"):
                due_ms += EVERY_MS
                lines[i] = wrong(order, 3.3)
                typos.append((order["order_id"], order["channel"]))
    settings = load(DEMO, kafka={"partitions": 1}, alerts={"budget_per_day": 100})
    alerts = []
    replay(
        lines, settings, PromotionRegister.parse(promotions_of(shop)),
        on_alert=lambda alert: alerts.append(msgspec.json.decode(alert.data)["data"]),
    )  # fmt: skip
    return typos, alerts


def orders_of(alerts, kind):
    return {order for alert in alerts if alert["kind"] == kind for order in alert["order_ids"]}


@pytest.mark.parametrize(("share", "factor"), [(0.5, 0.5), (0.3, 0.6)])
def test_two_price_lists_in_one_stream_are_told_apart_rather_than_flooding(share, factor):
    typos, alerts = played(share, factor)
    told = [alert for alert in alerts if alert["kind"] == "price.second_list"]
    found = orders_of(alerts, "price.outlier")
    beside = [
        alert for alert in alerts
        if alert["status"] == "firing"
        and family_of(alert["kind"]) == "price"
        and not {order for order, _ in typos} & set(alert["order_ids"])
    ]  # fmt: skip
    assert {alert["entity"]["key"] for alert in told} == {"web"}
    assert len(beside) <= 10  # of thousands of lines at the other price
    assert sum(order in found for order, _ in typos) >= 0.9 * len(typos)


def test_typos_in_the_channel_of_the_second_list_are_found_long_after_it_began():
    typos, alerts = played(0.5, 0.5)
    own = [order for order, channel in typos if channel == "web"]
    assert own
    assert set(own) <= orders_of(alerts, "price.outlier")


def test_typos_that_lie_far_apart_are_no_price_list_however_many_have_one_factor():
    typos, alerts = played(0.0, 0.5)
    assert orders_of(alerts, "price.second_list") == set()
    assert orders_of(alerts, "price.outlier") >= {order for order, _ in typos}


def test_a_coupon_that_is_too_deep_because_the_price_lacks_a_digit_is_an_alert_on_the_price():
    def order(n, price, off):
        line = {"sku": f"S{n % 6}", "product_id": f"P{n % 6}", "quantity": 1, "price": price}
        fields = {
            "occurred_at": f"2026-03-02T{n // 60:02}:{n % 60:02}:00Z", "channel": "web", "customer_id": f"c{n}",
            "currency": "EUR", "line_items": [line], "discounts": [{"promotion_id": "COUPON", "amount": off}],
            "total_price": f"{Decimal(price) - Decimal(off):.2f}",
        }  # fmt: skip
        return msgspec.json.encode({"event_id": f"e{n}", "event_type": "order.created", "order_id": f"o{n}"} | fields)

    lines = [*(order(n, "100.00", "8.00") for n in range(300)), order(300, "10.00", "8.00")]
    alerts = []
    settings = load(kafka={"partitions": 1})
    replay(
        lines, settings, PromotionRegister.parse({"promotions": []}),
        on_alert=lambda alert: alerts.append(msgspec.json.decode(alert.data)["data"]),
    )  # fmt: skip
    kinds = {alert["kind"]: alert for alert in alerts if "o300" in alert["order_ids"]}
    assert set(kinds) == {"price.decimal_shift"}
    assert "promotion.depth_over_cap" in {reason["code"] for reason in kinds["price.decimal_shift"]["reasons"]}
