"""Contradictory orders: told once when the grace time is over, wherever the log is cut."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.registry import discover
from config.settings import load
from features.partition import Partition
from features.reconciliation import ISSUES
from models.examples import cancelled, created, paid, refunded, shipped
from models.rule import Rule
from models.rule_checks import hits_of, partition_for, prepared, rows_of

RULES = discover("models.rules", Rule)
DAY, HOUR = 86_400, 3_600


def hits(name, events, **given):
    return hits_of(RULES[name](), events, **given)


def test_a_contradiction_is_told_once_and_again_only_after_it_was_put_right():
    unpaid = [created(), paid(status="pending"), created("o2", at=2 * HOUR)]
    unpaid += [shipped(at=3 * HOUR), created("o3", at=9 * HOUR)]
    assert len(hits("paid_without_payment", unpaid)) == 1
    kept = [created(), paid(), cancelled(at=90), created("o2", at=4 * DAY), refunded(at=5 * DAY)]
    again = [*kept, paid(at=5 * DAY + 60), created("o3", at=9 * DAY)]
    assert [hit.at for hit in hits("cancelled_with_payment", again)] == [3, 6]


def test_the_grace_time_counts_from_the_first_sign_however_much_is_told_meanwhile():
    events = [created(), paid(status="pending"), paid(at=HOUR, status="failed"), created("o2", at=61 + HOUR)]
    assert [(hit.order_id, hit.at) for hit in hits("paid_without_payment", events)] == [("o1", 3)]


def test_the_loss_is_what_is_missing_and_the_channel_is_named():
    events = [created(channel="web"), paid(amount="60.00"), created("o2", at=2 * HOUR)]
    hit = hits("total_not_reconciled", events)[0]
    assert (hit.entity, hit.observed, hit.high, hit.loss_minor) == ("web", 60.0, 110.0, 5_000)


def test_a_channel_may_be_left_out():
    events = [created(channel="door"), paid(status="authorized"), created("o2", at=2 * HOUR)]
    assert hits_of(RULES["paid_without_payment"](ignored=["door"]), events) == []


def test_a_silent_partition_tells_when_time_passes():
    rule = RULES["paid_without_payment"]()
    partition = partition_for(rule)
    prepared(partition, [created(), paid(status="pending")])
    found = rows_of(rule.check(partition.advance(partition.clock_ms + 2 * HOUR * 1_000)))
    assert [(hit.order_id, hit.entity) for hit in found] == [("o1", "app")]


def test_an_order_that_had_to_be_forgotten_is_not_taken_for_one_that_was_never_created():
    settings = load(state={"max_orders": 32})
    partition = Partition(settings, {})
    rule = RULES["order_never_created"]()
    rule.bind(None, partition.spaces)
    many = [created(f"o{n}", at=DAY + n) for n in range(100)]
    later = [paid(f"o{n}", at=DAY + 200 + n) for n in range(20)]
    found = []
    for events in ([created("first")], many, later, [created("last", at=3 * DAY)]):
        found += rows_of(rule.check(prepared(partition, events)))
    assert found == []


@st.composite
def logs(draw):
    """A few orders, told by several systems in any order."""
    at, events = DAY, [created("first")]
    for _ in range(draw(st.integers(1, 14))):
        at += draw(st.sampled_from([1, 60, HOUR, DAY]))
        order = draw(st.sampled_from(["o1", "o2", "o3"]))
        step = draw(st.sampled_from([created, paid, cancelled, refunded, shipped, "pending", "part"]))
        if step == "pending":
            events.append(paid(order, at, status="pending"))
        elif step == "part":
            events.append(paid(order, at, amount="60.00"))
        else:
            events.append(step(order, at))
    return [*events, created("last", at=at + 40 * DAY)]


@pytest.mark.parametrize("name", sorted(name for name, rule in RULES.items() if hasattr(rule, "issue")))
@given(log=logs(), cuts=st.sets(st.integers(1, 15), max_size=5))
@settings(max_examples=25, deadline=None)
def test_where_a_log_is_cut_does_not_show(name, log, cuts):
    cuts = {cut for cut in cuts if cut < len(log)}
    assert hits(name, log, cuts=cuts) == hits(name, log)


def test_every_issue_has_its_rule():
    assert {rule.issue for rule in RULES.values() if hasattr(rule, "issue")} == set(ISSUES)
