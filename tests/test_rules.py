"""The fixed rules: each keeps to the contract of rules, and all of them to the laws of the log."""

from __future__ import annotations

import dataclasses
import re

import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from config.errors import ConfigRefused
from config.policy import Policy
from config.promotions import PromotionRegister
from config.registry import build, discover
from config.sections import WeightedPartSettings
from config.settings import load
from models.examples import approved, created, delivered, line, paid, refunded, shipped, stock
from models.finding import NOTHING
from models.rule import Rule
from models.rule_checks import (
    CHECKS,
    ContractBroken,
    check_fires,
    check_holds_no_state,
    check_rule,
    hits_of,
    hold_together,
    partition_for,
    prepared,
    rows_of,
)
from models.rules._stage_overdue import StageOverdue
from models.rules._unreconciled import Unreconciled

RULES = discover("models.rules", Rule)
DAY = 86_400


def rule(name, **params):
    return build(RULES, {name: WeightedPartSettings(on=True, params=params)})[name]


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", RULES)
def test_every_rule_keeps_to_the_contract(name, check):
    check(RULES[name])


# --- settings --------------------------------------------------------------------------------------------


OFF = {"safety_stock"}  # only the shop knows what it must not run out of


@pytest.mark.parametrize("name", RULES)
def test_every_rule_that_can_know_is_on_by_default_with_the_parameters_of_its_class(name):
    entry = load().rules[name]
    assert entry.on == (name not in OFF)
    assert rule(name, **entry.params) == RULES[name]()
    assert set(entry.params) == {field.name for field in dataclasses.fields(RULES[name])}


def test_no_two_rules_raise_the_same_kind_of_alert():
    kinds = [found.kind for found in RULES.values()]
    assert len(set(kinds)) == len(kinds)


@pytest.mark.parametrize("name", RULES)
def test_every_kind_has_an_answer(name):
    assert Policy.load().answer(RULES[name].kind).recommended_action.endswith(".")


@pytest.mark.parametrize(
    ("name", "params", "words"),
    [
        (
            "total_mismatch",
            {"tolerance": 1},
            ["rules.total_mismatch.params", "'tolerance'", "tolerance_minor"],
        ),
        ("total_mismatch", {"tolerance_minor": -1}, ["tolerance_minor = -1"]),
        ("price_below_cost", {"tolerance_share": 1}, ["tolerance_share = 1"]),
        ("discount_depth_over_cap", {"cap": 70}, ["cap = 70"]),
        ("quantity_over_cap", {"channels": {"b2b": 0}}, ["channels.b2b = 0"]),
        ("tracking_number_malformed", {"pattern": "("}, ["pattern = '('"]),
    ],
)
def test_an_impossible_parameter_is_refused_by_name(name, params, words):
    with pytest.raises(ConfigRefused) as refused:
        rule(name, **params)
    assert all(word in str(refused.value) for word in words)


# --- the checks themselves -------------------------------------------------------------------------------


def test_a_rule_that_misses_its_own_example_is_told_which():
    class Sleepy(RULES["oversold"]):
        """A rule that finds nothing."""

        def check(self, batch):
            return NOTHING

    with pytest.raises(ContractBroken, match=re.escape("Sleepy.FIRES[0]: found at [], must be [0]")):
        check_fires(Sleepy)


def test_a_rule_that_remembers_is_found_out():
    class Forgetful(RULES["oversold"]):
        """A rule that says everything once."""

        said = False

        def check(self, batch):
            findings = NOTHING if self.said else super().check(batch)
            self.said = True
            return findings

    with pytest.raises(ContractBroken, match=r"Forgetful\.FIRES\[0\]: .*, then \[\]"):
        check_holds_no_state(Forgetful)


def test_a_rule_that_does_not_explain_a_parameter_is_refused():
    class Terse(RULES["oversold"]):
        """A rule of few words."""

    with pytest.raises(ContractBroken, match="Terse: docstring lacks min_available"):
        check_rule(Terse)


# --- parameters ------------------------------------------------------------------------------------------


def test_a_wider_tolerance_forgives_a_total():
    events = [created(total_price="109.50")]
    assert hits_of(rule("total_mismatch"), events)[0].loss_minor == 50
    assert not hits_of(rule("total_mismatch", tolerance_minor=50), events)


@pytest.mark.parametrize(("total", "hits"), [("0.00", 0), ("-0.01", 1)])
def test_a_fully_discounted_order_may_be_free_but_never_pays_the_customer(total, hits):
    events = [created(discounts=[{"promotion_id": "P1", "amount": "110.00"}], total_price=total)]
    assert len(hits_of(rule("total_not_positive", allow_zero=True), events)) == hits


def test_a_free_order_that_nothing_paid_for_is_found_even_where_zero_may_be():
    hits = hits_of(rule("total_not_positive", allow_zero=True), [created(total_price=0)])
    assert [hit.loss_minor for hit in hits] == [11_000]


def test_a_loss_leader_may_lie_below_cost_by_its_share():
    at_cost_less_ten_percent = [created(line_items=[line(price="54.00")])]
    below_that = [created(line_items=[line(price="53.99", quantity=3)])]
    leader = rule("price_below_cost", tolerance_share=0.1)
    assert not hits_of(leader, at_cost_less_ten_percent)
    assert [hit.loss_minor for hit in hits_of(leader, below_that)] == [3 * 601]


def test_a_discount_is_spread_over_the_lines_in_proportion_to_their_value():
    lines = [line(price="100.00"), line(sku="S2", product_id="P2", price="300.00", unit_cost="250.00")]
    events = [created(line_items=lines, discounts=[{"promotion_id": "P1", "amount": "80.00"}])]
    hits = hits_of(rule("price_below_cost"), events)
    assert [(hit.entity, hit.observed, hit.loss_minor) for hit in hits] == [("P2", 24_000, 1_000)]


def test_two_lines_of_one_product_are_one_finding_with_both_losses():
    events = [created(line_items=[line(price="50.00"), line(price="50.00", quantity=2)])]
    assert [hit.loss_minor for hit in hits_of(rule("price_below_cost"), events)] == [3_000]


def test_amounts_whose_products_are_beyond_64_bits_are_compared_exactly():
    price, cost = "90000000000.00", "90000000000.01"
    exact = rule("price_below_cost", tolerance_share=0.0)
    hits = hits_of(exact, [created(line_items=[line(price=price, unit_cost=cost)])])
    assert [hit.loss_minor for hit in hits] == [1]


def test_a_sku_has_its_own_floor():
    floors = rule("price_below_floor", floor_minor=100, floors={"gift": 0, "dear": 50_000})
    events = [created(line_items=[line(sku="gift", price=0), line(sku="dear", product_id="D", price="499.99")])]
    assert [(hit.entity, hit.low, hit.loss_minor) for hit in hits_of(floors, events)] == [("D", 50_000, 1)]


def test_a_wholesale_channel_may_order_more_and_a_flash_sale_less():
    capped = rule("quantity_over_cap", max_quantity=100, channels={"wholesale": 5_000, "flash": 2})
    events = [
        created("o1", channel="wholesale", line_items=[line(quantity=5_000)]),
        created("o2", channel="flash", line_items=[line(quantity=3)]),
        created("o3", channel="web", line_items=[line(quantity=3)]),
    ]
    assert [hit.order_id for hit in hits_of(capped, events)] == ["o2"]


def test_the_deepest_promotion_is_named_when_discounts_are_too_deep_together():
    discounts = [{"promotion_id": name, "amount": amount} for name, amount in [("A", "30.00"), ("B", "45.00")]]
    hits = hits_of(rule("discount_depth_over_cap"), [created(discounts=discounts)])
    assert [(hit.entity, hit.observed, hit.high, hit.loss_minor) for hit in hits] == [("B", 0.75, 0.7, 500)]


def test_a_voucher_series_may_be_combined_where_the_settings_say_so():
    discounts = [{"promotion_id": "V5", "amount": "5.00", "code": code} for code in ("a", "b")]
    events = [created(discounts=discounts)]
    assert [hit.loss_minor for hit in hits_of(rule("promotion_applied_twice"), events)] == [500]
    assert not hits_of(rule("promotion_applied_twice", repeatable=["V5"]), events)


def test_an_excluded_pair_has_one_name_and_costs_the_smaller_discount():
    discounts = [{"promotion_id": name, "amount": amount} for name, amount in [("P2", "5.00"), ("P1", "8.00")]]
    hits = hits_of(rule("exclusive_promotions"), [created(discounts=discounts)])
    assert [(hit.entity, hit.loss_minor) for hit in hits] == [("P1+P2", 500)]


@pytest.mark.parametrize("name", ["exclusive_promotions", "promotion_stale_client", "promotion_outside_period"])
def test_without_a_register_a_rule_of_the_register_is_quiet(name):
    for events in RULES[name].FIRES:
        assert not hits_of(rule(name), events, promotions={"promotions": []})


def test_interest_of_instalments_may_come_on_top_of_the_total():
    events = [created(), paid(amount="115.50")]
    assert hits_of(rule("paid_amount_mismatch"), events)
    assert not hits_of(rule("paid_amount_mismatch", max_surplus_share=0.05), events)
    assert hits_of(rule("paid_amount_mismatch", max_surplus_share=0.04), events)


def test_an_order_may_be_paid_in_parts_but_not_beyond_its_total():
    parts = [created(), paid(amount="60.00"), paid(at=90, amount="50.00")]
    assert [hit.at for hit in hits_of(rule("paid_amount_mismatch"), parts)] == [1]
    in_parts = rule("paid_amount_mismatch", allow_partial=True)
    assert not hits_of(in_parts, parts)
    assert hits_of(in_parts, [created(), paid(amount="60.00"), paid(at=90, amount="60.00")])


def test_two_payments_in_one_event_count_together_and_the_larger_names_the_method():
    both = paid(amount="80.00", method="card")
    both["payments"].append({"payment_id": "p2", "method": "gift_card", "amount": "30.00"})
    assert not hits_of(rule("paid_amount_mismatch"), [created(), both])
    both["payments"][1]["amount"] = "90.00"
    assert [hit.entity for hit in hits_of(rule("paid_amount_mismatch"), [created(), both])] == ["gift_card"]


@pytest.mark.parametrize("name", RULES)
def test_a_second_payment_is_a_double_payment_and_no_other_payment_rule_speaks(name):
    hits = hits_of(rule(name), [created(), paid(), paid(at=90)])
    assert [hit.loss_minor for hit in hits] == ([11_000] if name == "duplicate_payment" else [])


def test_a_channel_may_pay_at_the_door():
    events = [created(channel="cod"), shipped()]
    assert [hit.entity for hit in hits_of(rule("shipped_unpaid"), events)] == ["cod"]
    assert not hits_of(rule("shipped_unpaid", channels_paid_on_delivery=["cod"]), events)


def test_an_authorised_card_will_do_where_the_settings_say_so():
    events = [created(), paid(status="authorized"), shipped()]
    assert hits_of(rule("shipped_unpaid"), events)
    assert not hits_of(rule("shipped_unpaid", trust_reported=True), events)
    assert hits_of(rule("shipped_unpaid", trust_reported=True), [created(), shipped()])


def test_a_carrier_has_its_own_form_of_tracking_number():
    strict = rule("tracking_number_malformed", carriers={"SF": r"SF\d{10}"})
    events = [
        shipped(tracking_number="XX1234567890"),
        shipped("o2", carrier="YTO", tracking_number="XX1234567890"),
    ]
    assert [hit.entity for hit in hits_of(strict, events)] == ["SF"]


def test_the_shops_own_currency_passes():
    events = [created(currency="POINTS")]
    assert hits_of(rule("unknown_currency"), events)
    assert not hits_of(rule("unknown_currency", accepted=["POINTS"]), events)


def test_back_orders_may_take_the_stock_below_zero():
    events = [stock(available=-10), stock("S2", available=-11)]
    assert [hit.entity for hit in hits_of(rule("oversold", min_available=-10), events)] == ["S2"]


def test_an_ignored_channel_is_not_waited_for():
    events = [created(channel="cod"), created("o2", channel="app", at=1), created("o3", at=DAY + 2)]
    assert [hit.entity for hit in hits_of(rule("payment_overdue", ignored=["cod"]), events)] == ["app"]


def test_an_order_whose_creation_was_not_seen_is_overdue_in_an_unknown_channel():
    events = [paid(), created("o2", at=2 * DAY)]
    assert [hit.entity for hit in hits_of(rule("approval_overdue"), events)] == ["unknown"]


def test_a_silent_partition_tells_how_late_an_order_is_when_time_passes():
    overdue = rule("payment_overdue")
    partition = partition_for(overdue)
    prepared(partition, [created()])
    hits = rows_of(overdue.check(partition.advance(partition.clock_ms + (DAY + 7_200) * 1000)))
    assert [(hit.order_id, hit.entity, hit.observed) for hit in hits] == [("o1", "app", 2.0)]


# --- laws of the log -------------------------------------------------------------------------------------

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
