"""The laws of the log that all rules keep, on histories of any kind."""

from __future__ import annotations

import numpy as np
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from config.promotions import PromotionRegister
from models.examples import approved, created, delivered, line, paid, refunded, shipped, stock
from models.finding import NOTHING
from models.rule_checks import hits_of, hold_together, partition_for, prepared, rows_of
from models.rules._stage_overdue import StageOverdue
from models.rules._unreconciled import Unreconciled
from tests.all_rules import RULES, rule

PROMOTIONS = {
    "promotions": [
        {"promotion_id": "P1", "excludes": ["P2"], "max_discount_rate": 0.3, "client_version_min": "8.4"},
        {"promotion_id": "P2", "starts_at": "2026-01-05T11:00:00Z", "ends_at": "2026-01-06T11:00:00Z"},
    ]
}
AMOUNTS = st.sampled_from(["0.00", "-1.00", "0.01", "30.00", "55.00", "99.99", "100.00", "110.00", "220.00"])
HUGE = st.sampled_from([0, 1, -5, 10**6, 10**10, -(10**10)])  # units; events of larger amounts are refused

lines = st.builds(
    line,
    product_id=st.sampled_from(["P1", "P2"]),
    quantity=st.sampled_from([1, 2, 101]),
    price=AMOUNTS,
    unit_cost=st.none() | AMOUNTS,
)
discounts = st.fixed_dictionaries(
    {
        "promotion_id": st.sampled_from(["P1", "P2", "P3"]),
        "amount": AMOUNTS.filter(lambda amount: amount[0] != "-"),
    }
)
HOURS = st.sampled_from([0, 1, 1, 20, 30, 100, 800])
placed = st.fixed_dictionaries(
    {
        "line_items": st.lists(lines, min_size=1, max_size=3),
        "discounts": st.lists(discounts, max_size=3),
        "total_price": AMOUNTS,
        "channel": st.sampled_from(["app", "web"]),
        "client_version": st.sampled_from([None, "8.3", "8.4"]),
        "currency": st.sampled_from(["CNY", "KWD", "zzz"]),
        "shipping_address": st.sampled_from([None, {"phone": "?"}, {"city": "Shenzhen"}]),
    }
)


@st.composite
def journeys(draw, order_id):
    """An order's events with some left out, some doubled, hours to weeks apart."""
    steps = [
        lambda at: created(order_id, at, **draw(st.just({}) | placed)),
        lambda at: paid(order_id, at, draw(st.just("110.00") | AMOUNTS), status=draw(st.sampled_from(["", "failed"]))),
        lambda at: paid(order_id, at),
        lambda at: approved(order_id, at),
        lambda at: shipped(order_id, at, tracking_number=draw(st.sampled_from(["SF12345", "?"]))),
        lambda at: delivered(order_id, at),
        lambda at: refunded(order_id, at, draw(AMOUNTS)),
        lambda at: stock(f"S-{order_id}", draw(st.integers(-2, 2)), at),
    ]
    at, events = draw(HOURS), []
    for step in steps:
        at += draw(HOURS)
        if draw(st.integers(0, 3)):
            events.append(step(at * 3_600))
    return events


@st.composite
def histories(draw):
    """A few journeys, in the order of their times or, as late events come, in any."""
    log = [event for i in range(draw(st.integers(1, 4))) for event in draw(journeys(f"o{i}"))]
    return draw(st.permutations(log)) if draw(st.booleans()) else sorted(log, key=lambda event: event["occurred_at"])


logs = histories().filter(bool)


@given(log=logs, cuts=st.sets(st.integers(1, 31)))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_where_a_log_is_cut_into_batches_does_not_show_in_what_is_found(log, cuts):
    cuts = {cut for cut in cuts if cut < len(log)}
    for name in RULES:
        whole = hits_of(rule(name), log, promotions=PROMOTIONS)
        assert hits_of(rule(name), log, promotions=PROMOTIONS, cuts=cuts) == whole


@given(log=logs)
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_findings_are_numbers_about_real_events_and_never_double(log):
    rules = {name: rule(name) for name in RULES}
    batch = prepared(partition_for(*rules.values(), promotions=PROMOTIONS), log)
    for name, one in rules.items():
        hold_together(one.check(batch), batch, name)


@given(log=logs)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_finding_names_the_order_and_the_place_of_its_event(log):
    rules = [rule(name) for name in RULES if not issubclass(RULES[name], StageOverdue | Unreconciled)]
    partition = partition_for(*rules, promotions=PROMOTIONS)
    batch = prepared(partition, log)
    for one in rules:
        for hit in rows_of(one.check(batch)):
            assert hit.order_id == log[hit.at].get("order_id", "")
            assert hit.time_ms == batch.time_ms[hit.at]
            if one.entity_type == "channel":
                assert hit.entity == partition.spaces["channel"].names[hit.place[0] - 1]


@given(price=HUGE, cost=HUGE, total=HUGE, off=HUGE.map(abs), quantity=st.sampled_from([1, 1_000_000]))
@settings(max_examples=100, deadline=None)
def test_no_amount_that_decode_lets_pass_is_too_large_for_a_rule(price, cost, total, off, quantity):
    assume(max(abs(price), abs(cost)) * quantity <= 10**13)  # beyond that a line is a dead letter
    order = created(
        line_items=[line(price=price, unit_cost=cost, quantity=quantity), line(price=price)],
        discounts=[{"promotion_id": name, "amount": off} for name in ("P1", "P2", "P1")],
        total_price=total,
    )
    log = [order, paid(amount=str(total)), refunded(at=90, amount=str(off)), paid(at=99, amount=str(price))]
    rules = [rule(name) for name in RULES]
    batch = prepared(partition_for(*rules, promotions=PROMOTIONS), log)
    for one in rules:
        findings = one.check(batch)
        assert np.isfinite(findings.observed).all()
        assert (findings.loss_minor >= 0).all()


@given(log=logs)
@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_a_rule_that_was_bound_to_a_register_can_be_bound_to_another(log):
    for name in ("exclusive_promotions", "promotion_stale_client", "promotion_outside_period"):
        one = rule(name)
        partition = partition_for(one, promotions=PROMOTIONS)
        batch = prepared(partition, log)
        one.bind(PromotionRegister({}), partition.spaces)
        assert one.check(batch) is NOTHING
