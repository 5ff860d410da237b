"""What a parameter of a rule changes: tolerances, shares, ways of the shop."""

from __future__ import annotations

import numpy as np
import pytest

from config.settings import load
from features.columns.pieces_shipped import PiecesShipped
from features.partition import Partition
from models.examples import approved, created, line, paid, shipped, stock
from models.rule_checks import hits_of, partition_for, prepared, rows_of
from tests.all_rules import RULES, rule

DAY = 86_400


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


def test_an_approval_by_a_machine_is_by_nobody_only_where_the_shop_says_so():
    events = [created(), approved(approved_by=" SYSTEM ")]
    assert not hits_of(rule("approved_by_nobody"), events)
    assert [hit.at for hit in hits_of(rule("approved_by_nobody", nobody=["system", "auto"]), events)] == [1]


def test_an_approval_must_say_by_whom_only_where_that_is_required():
    events = [created(), approved()]
    assert not hits_of(rule("approved_by_nobody"), events)
    assert [hit.at for hit in hits_of(rule("approved_by_nobody", required=True), events)] == [1]


def test_an_order_told_again_before_its_parcel_is_the_one_that_counts():
    again = created(at=30, line_items=[line(quantity=2)], total_price="210.00")
    assert not hits_of(rule("shipped_quantity"), [created(), again, shipped(line_items=[line(quantity=2)])])


def test_a_parcel_that_was_told_before_its_order_counts_all_the_same():
    events = [shipped(at=10, line_items=[line()]), created(at=20), shipped(at=30, line_items=[line()])]
    assert [(hit.at, hit.observed) for hit in hits_of(rule("shipped_quantity"), events)] == [(2, 2)]


def test_a_number_given_to_another_order_starts_anew():
    parcel = shipped(line_items=[line()])
    others = [created(f"o{n}", at=5 + n) for n in range(2, 40)]
    partition = Partition(load(state={"max_orders": 16}), {"pieces_shipped": PiecesShipped()})
    batches = [prepared(partition, events) for events in ([created(), parcel], others, [parcel | {"event_id": "x"}])]
    assert np.nanmax(batches[0].columns["pieces_shipped"].values) == 1
    assert batches[2].columns["pieces_shipped"].is_silent  # the order was forgotten, and with it what it held
