"""Explanations that hold: contributions sum to the score, and what would have been normal is so when it is tried."""

from __future__ import annotations

import math
import re
from functools import cache
from itertools import pairwise

import msgspec
import numpy as np
import pytest

from config.registry import discover
from features.batch import Overdue
from features.one_event import one_event
from features.recent_orders import RecentOrders
from features.text import Text
from models.calibration import Calibration
from models.detectors.half_space_trees import HalfSpaceTrees
from models.examples import created, encoded, line
from models.rewound_watch import RewoundWatch
from models.rule import Rule
from models.rule_checks import partition_for, prepared
from stream.pipeline import Pipeline
from stream.record import StoredRecord
from tests.small_shop import REGISTER, alerts_of, default_settings, log, run

RULES = discover("models.rules", Rule)
KEPT_RANGE = 4.0
BELOW_COST = default_settings().rules["price_below_cost"].params["tolerance_share"]


@cache
def told():
    return [msgspec.json.decode(alert.data)["data"] for alert in alerts_of(run(log()))]


def alerts_on(events, promotions=None):
    pipeline = Pipeline(default_settings(), partitions=1, promotions=promotions or REGISTER)
    records = [StoredRecord(encoded(dict(event)), b"k", offset) for offset, event in enumerate(events)]
    outcomes = [pipeline.process(0, records, wait=False), pipeline.finish()]
    return [msgspec.json.decode(alert.data)["data"] for outcome in outcomes for alert in outcome.alerts]


def assert_sums(alert):
    assert math.isclose(math.fsum(reason["contribution"] for reason in alert["reasons"]), alert["score"])
    assert all(reason["contribution"] >= 0 for reason in alert["reasons"])


def test_contributions_sum_to_the_score_in_every_alert_of_a_shop():
    assert len({alert["kind"] for alert in told()}) >= 7
    for alert in told():
        assert_sums(alert)


def register(rule):
    document = RULES[rule].PROMOTIONS
    return type(REGISTER).parse(document) if document else None


# what would have been normal, tried -----------------------------------------------------------------------------


def changed(event, claim):
    """The event with the one thing changed that the claim names, at each bound that it gives; its total follows."""
    if found := re.fullmatch(r"normal without promotion (\S+)", claim):
        kept = [d for d in event["discounts"] if d["promotion_id"] != found[1]]
        return [retotalled(event | {"discounts": kept}, event)]
    field, of, bounds = re.fullmatch(
        r"normal if (quantity|price|total|the amount is|available)(?: of (\S+))? (.+)", claim
    ).groups()
    values = re.findall(r"-?\d+(?:\.\d+)?", bounds)
    assert 1 <= len(values) <= 2
    return [with_value(event, field, value, of) for value in values]


def with_value(event, field, value, of):
    items = event.get("line_items", [])

    def named(item):
        return len(items) == 1 or of in {item["product_id"], item["sku"]}

    if field == "total":
        return event | {"total_price": value}
    if field == "available":
        return event | {"available": int(value)}
    if field == "the amount is":
        return event | {"payments": [event["payments"][0] | {"amount": value}]}
    items = [item | {field: int(value) if field == "quantity" else value} if named(item) else item for item in items]
    return retotalled(event | {"line_items": items}, event)


def retotalled(event, before):
    def due(one):
        goods = sum(float(item["price"]) * item["quantity"] for item in one["line_items"])
        return goods - sum(float(discount["amount"]) for discount in one["discounts"])

    return event | {"total_price": f"{float(before['total_price']) + due(event) - due(before):.2f}"}


def of_rules():
    for name, rule in sorted(RULES.items()):
        for number, events in enumerate(rule.FIRES[:2]):
            yield pytest.param(name, events, id=f"{name}-{number}")


@pytest.mark.parametrize(("rule", "events"), list(of_rules()))
def test_what_an_alert_of_any_rule_adds_up_to_and_says_would_be_normal_is_so_when_the_log_is_judged_again(rule, events):
    for alert in alerts_on(events, register(rule)):
        assert_sums(alert)
        if alert["kind"] != RULES[rule].kind or alert["count"] > 1:
            continue
        for claim in alert["counterfactuals"]:
            at = alert["trace"]["offset"]
            for event in changed(dict(events[at]), claim):
                again = alerts_on([*events[:at], event, *events[at + 1 :]], register(rule))
                assert alert["kind"] not in {one["kind"] for one in again}, claim


def claims_of(events, kind, promotions=None):
    return next(alert["counterfactuals"] for alert in alerts_on(events, promotions) if alert["kind"] == kind)


@pytest.mark.parametrize(
    ("event", "kind", "claims"),
    [
        (
            created(line_items=[line(quantity=250)], total_price="25010.00"),
            "behaviour.quantity_over_cap",
            ["normal if quantity <= 100"],
        ),
        (created(total_price="100.00"), "price.total_mismatch", ["normal if total between 109.99 and 110.01"]),
        (
            created(discounts=[{"promotion_id": p, "amount": "10.00"} for p in ("P1", "P2")], total_price="90.00"),
            "promotion.exclusive_pair",
            ["normal without promotion P1", "normal without promotion P2"],
        ),
        (
            created(line_items=[line(price="50.00")], total_price="60.00"),
            "price.below_cost",
            [f"normal if price >= {60 * (1 - BELOW_COST):.2f}"],
        ),
    ],
)
def test_the_claims_are_those_that_a_person_would_make(event, kind, claims):
    assert claims_of([event], kind) == claims


def test_a_price_is_normal_inside_the_range_that_the_verdict_used_and_that_range_gives_its_score():
    typos = [a for a in told() if a["kind"].startswith("price.") and a["expected"]["low"] and a["expected"]["high"]]
    assert typos
    for alert in typos:
        low, high = alert["expected"]["low"], alert["expected"]["high"]
        spread = (math.log(high) - math.log(low)) / (2 * KEPT_RANGE)
        far = abs(math.log(alert["observed"]) - (math.log(low) + math.log(high)) / 2) / spread
        assert far >= default_settings().detectors["price_outlier"].params["min_spreads"]
        for claim in alert["counterfactuals"]:
            values = [float(value) for value in re.findall(r"\d+\.\d+", claim)]
            assert all(low - 0.01 <= value <= high + 0.01 for value in values)


def test_a_price_at_either_bound_of_its_claim_raises_nothing_when_the_shop_is_played_again():
    alert = next(alert for alert in told() if alert["counterfactuals"][:1] and "price" in alert["counterfactuals"][0])
    (claim,), (order, *_) = alert["counterfactuals"], alert["order_ids"]
    at = alert["trace"]
    for value in re.findall(r"\d+\.\d+", claim):
        parts = [list(part) for part in log()]
        record = parts[at["partition"]][at["offset"]]
        event = with_value(msgspec.json.decode(record.value), "price", value, "")
        parts[at["partition"]][at["offset"]] = StoredRecord(encoded(event), record.key, record.offset)
        again = [msgspec.json.decode(one.data)["data"] for one in alerts_of(run(parts))]
        assert not [one for one in again if one["kind"] == alert["kind"] and order in one["order_ids"]]


def test_windows_are_normal_in_the_range_that_the_verdict_used():
    windows = [
        alert for alert in told() if alert["kind"].startswith("volume.") and alert["expected"]["high"] is not None
    ]
    for alert in windows:
        low, high = alert["expected"]["low"], alert["expected"]["high"]
        assert not low <= alert["observed"] <= high
        [claim] = alert["counterfactuals"]
        assert claim.startswith(f"normal if between {low:.0f} and {high:.0f} in these ")


# orders beside it -----------------------------------------------------------------------------------------------


def test_comparable_orders_are_earlier_normal_orders_of_the_product_or_else_the_channel():
    events = [msgspec.json.decode(record.value) for part in log() for record in part if record.value.startswith(b"{")]
    orders = {event["order_id"]: event for event in events if event["event_type"] == "order.created"}
    broken = {order for alert in told() for order in alert["order_ids"] if alert["kind"].startswith("price.")}
    named = [alert for alert in told() if alert["comparable_order_ids"] and alert["count"] == 1]
    assert len(named) >= 5
    for alert in named:
        about = orders[alert["order_ids"][0]]
        for name in alert["comparable_order_ids"]:
            other = orders[name]
            assert other["occurred_at"] <= alert["window"]["end"]
            assert product_of(other) == product_of(about) or other["channel"] == about["channel"]
        assert len(set(alert["comparable_order_ids"])) == 3
        assert not set(alert["comparable_order_ids"]) & (broken | {about["order_id"]})


def product_of(order):
    return order["line_items"][0]["product_id"]


def recent(events, cuts):
    orders, partition = RecentOrders(), partition_for()
    for start, stop in pairwise(sorted({0, len(events), *cuts})):
        batch = prepared(partition, events[start:stop])
        batch.offset = np.arange(start, stop)
        orders.add(batch)
        orders.set_state({name: array.copy() for name, array in orders.get_state().items()})
    return orders


def test_recent_orders_are_the_same_however_the_log_was_cut_and_only_the_last_are_kept():
    events = [created(f"o{n}", at=n, line_items=[line(product_id=f"P{n % 400}")]) for n in range(2_500)]
    product, channel = (int(Text.of([name]).hash[0]) for name in ("P7", "app"))
    whole, pieces = recent(events, []), recent(events, range(0, 2_500, 7))
    assert whole.like(2_500, channel, product) == ("o2407", "o2007", "o1607")
    assert pieces.like(2_500, channel, product) == whole.like(2_500, channel, product)
    assert pieces.like(2_500, channel, 1) == ("o2499", "o2498", "o2497")
    whole.mark("o2407")
    assert whole.like(2_500, channel, product) == ("o2007", "o1607", "o2499")


@pytest.mark.parametrize("name", sorted(RULES))
def test_one_event_breaks_the_rules_that_it_breaks_in_its_batch(name):
    rule = RULES[name]()
    for events in (*rule.FIRES, *rule.QUIET):
        batch = prepared(partition_for(rule), events)
        batch.offset, batch.overdue = np.arange(len(batch)), Overdue.none()
        found = rule.check(batch)
        for at in range(len(batch)):
            together = [entity for entity, place in zip(found.entity, found.at.tolist(), strict=True) if place == at]
            assert list(rule.check(one_event(batch, at)).entity) == together


# several features at once -----------------------------------------------------------------------------------------


class Rows:
    """Orders that are rows of features already."""

    def __init__(self, x):
        self.x = x


@pytest.fixture
def watch(monkeypatch):
    monkeypatch.setattr("models.rewound_watch.order_rows", lambda batch, features: batch.x)

    def made():
        detector = HalfSpaceTrees(n_trees=10, height=6, window_size=100, seed=1)
        return RewoundWatch("trees", 1.0, 0.99, Calibration(), detector, ("a", "b", "c"))

    return made


def look(watch, x):
    batch = Rows(x)
    raw, _ = watch._raw(batch)
    return watch._calibration.score_learn(raw, 0.99)


def odd_row(watch, x):
    """The last row that scores 0.99 or more."""
    return int((look(watch(), x) >= 0.99).nonzero()[0][-1])


@pytest.mark.parametrize("size", [3, 170, 1_100, 3_000])
def test_a_detector_goes_back_to_the_very_state_before_an_order(watch, size):
    x = np.random.default_rng(5).normal(size=(3_000, 3))
    odd = odd_row(watch, x)
    moving, cut = watch(), watch()
    for start in range(0, len(x), size):
        look(moving, x[start : start + size])
        if start <= odd < start + size:
            (claim,) = moving.normal_if(odd - start)
            break
    look(cut, x[:odd])
    twin = moving._twin.get_state()
    assert all(twin[name].tobytes() == array.tobytes() for name, array in cut.get_state().items() if name in twin)
    name, value, was = re.fullmatch(r"normal with (\w) (\S+) instead of (\S+)", claim).groups()
    row, j = x[odd].copy(), "abc".index(name)
    assert float(was) == pytest.approx(row[j], rel=0.01)
    row[j] = float(value)
    assert np.isnan(look(cut, row[None])).all()  # a score below 0.99 is not worked out


def test_what_a_detector_says_does_not_depend_on_where_the_stream_was_cut(watch):
    x = np.random.default_rng(6).normal(size=(2_000, 3))
    odd, said = odd_row(watch, x), set()
    for size in (1, 37, 2_000):
        one = watch()
        for start in range(0, odd + 1, size):
            look(one, x[start : start + size])
            if start <= odd < start + size:
                said.add(one.normal_if(odd - start))
    assert len(said) == 1
    assert said != {()}
