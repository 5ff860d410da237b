"""The alert budget at work on verdicts: family by family, the same however the log is cut, as the settings say."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import config
from config.errors import ConfigRefused
from config.policy import FAMILIES, Answer, Policy
from config.promotions import PromotionRegister
from config.sections import AlertSettings
from config.settings import load
from models.budget import DAY_MS
from models.verdict import Signal, Verdict, family_of
from stream.incidents import Incidents
from stream.replay import replay
from stream.simulator import SimulatorSettings, promotions_of, simulate

DEMO = Path(config.__file__).parent / "demo.yaml"
HOUR_MS = DAY_MS // 24
KINDS = ("price.outlier", "price.below_cost", "behaviour.odd_order", "volume.surge")


# --- the budget at work on verdicts ------------------------------------------------------------------


def settings_of(**changed):
    return load().alerts.model_copy(update=changed)


def answer_of(kind):
    return Answer(
        severity="medium",
        owner="risk",
        respond_within_minutes=30,
        recommended_action="Look.",
        always=kind == "price.below_cost",
    )


def verdict(kind, entity, clock_ms, score=0.999, loss_e4=0):
    signal = Signal("part", kind, score, 1.0, 1.0, 0.0, 1.0, is_rule=False)
    return Verdict(kind, score, "product", entity, clock_ms, clock_ms, 0, clock_ms, (signal,), loss_e4=loss_e4)


def fired(verdicts, cuts=(), answer=answer_of, **changed):
    """Ids, kinds and times of what fires, the log being released in pieces."""
    incidents, told = Incidents(settings_of(**changed), answer), []
    edges = sorted({0, *cuts, len(verdicts)})
    for start, end in pairwise(edges):
        upto_ms = verdicts[end].clock_ms if end < len(verdicts) else verdicts[-1].clock_ms + 1
        told += list(incidents.take(verdicts[start:end], upto_ms))
    return [(one.id, one.incident.head.kind, one.clock_ms) for one in told if one.transition == "firing"], incidents


seen = st.lists(
    st.tuples(
        st.integers(0, 2 * HOUR_MS),
        st.sampled_from(KINDS),
        st.integers(0, 8),
        st.sampled_from([0.99, 0.999, 0.9999, 1.0]),
        st.sampled_from([0, 10**5, 10**8]),
    ),
    min_size=1,
    max_size=120,
)


def log_of(drawn):
    verdicts, clock_ms = [], DAY_MS
    for since_ms, kind, entity, score, loss_e4 in drawn:
        clock_ms += since_ms
        verdicts.append(verdict(kind, f"p{entity}", clock_ms, score, loss_e4))
    return verdicts


@given(seen, st.integers(0, 3), st.integers(0, 3))
@settings(max_examples=100, deadline=None)
def test_no_family_fires_above_its_budget_on_any_day_but_for_what_always_fires(drawn, price, others):
    told, _ = fired(log_of(drawn), budget_per_day=others, family_budget_per_day={"price": price})
    for family in {family_of(kind) for kind in KINDS}:
        times = [clock_ms for _, kind, clock_ms in told if family_of(kind) == family and kind != "price.below_cost"]
        limit = price if family == "price" else others
        assert max(Counter(time_ms // DAY_MS for time_ms in times).values(), default=0) <= limit
        assert all(times[i] - times[i - limit] >= DAY_MS for i in range(limit, len(times)))


@given(seen, st.integers(0, 3), st.lists(st.integers(0, 120), max_size=6))
@settings(max_examples=100, deadline=None)
def test_where_the_log_is_cut_changes_nothing_of_what_fires(drawn, per_day, cuts):
    verdicts = log_of(drawn)
    cut = [at for at in cuts if at < len(verdicts)]
    whole, incidents = fired(verdicts, budget_per_day=per_day)
    pieces, others = fired(verdicts, cut, budget_per_day=per_day)
    assert pieces == whole
    assert (others.held_back, others.told_late) == (incidents.held_back, incidents.told_late)


@given(seen)
@settings(max_examples=50, deadline=None)
def test_what_always_fires_does_so_whatever_the_budget(drawn):
    verdicts = log_of(drawn)
    none, many = (fired(verdicts, budget_per_day=n)[0] for n in (0, 100_000))
    assert none == [one for one in many if one[1] == "price.below_cost"]


def test_a_budget_beyond_what_comes_changes_nothing_and_holds_nothing_back():
    verdicts = [verdict("price.outlier", f"p{i}", DAY_MS + i * HOUR_MS) for i in range(200)]
    told, incidents = fired(verdicts, budget_per_day=100)
    assert len(told) == 200
    assert incidents.held_back.total() == incidents.told_late.total() == 0


def test_what_is_held_back_is_counted_by_family():
    verdicts = [verdict("price.outlier", f"p{i}", DAY_MS + i) for i in range(30)]
    told, incidents = fired(verdicts, budget_per_day=4)
    assert 3 <= len(told) <= 4
    assert incidents.held_back == {"price": 30 - len(told)}


def test_what_lacked_only_room_fires_when_room_is_back_if_it_still_holds():
    dear = [verdict("price.outlier", f"dear{i}", DAY_MS + i * HOUR_MS, 1.0, 10 ** (6 + i)) for i in range(7)]
    later = verdict("price.outlier", "p9", 2 * DAY_MS + 10)
    told, incidents = fired([*dear, later], budget_per_day=4, resolve_after_seconds=2 * 86_400)
    assert [clock_ms for _, _, clock_ms in told] == [one.clock_ms for one in (*dear[:4], later)]
    assert (incidents.held_back, incidents.told_late) == ({"price": 4}, {"price": 1})
    over, incidents = fired([*dear, later], budget_per_day=4, resolve_after_seconds=3_600)
    assert incidents.told_late.total() == 0
    assert over[:4] == told[:4]


def test_a_condition_held_back_fires_as_itself_once_it_grows():
    flood = [verdict("price.outlier", f"p{i}", DAY_MS + i) for i in range(60)]
    small = verdict("price.outlier", "late", DAY_MS + 100, 0.99)
    grown = verdict("price.outlier", "late", DAY_MS + HOUR_MS // 4, 1.0, 10**9)
    told, incidents = fired([*flood, small, grown], budget_per_day=20)
    assert told[-1][2] == grown.clock_ms
    assert incidents.told_late == {"price": 1}


# --- policy and settings -------------------------------------------------------------------------------


def test_always_is_for_hard_evidence_about_few_things():
    answers = Policy.load().answers
    assert {kind for kind, answer in answers.items() if answer.always} == {
        "missing.order_numbers",
        "payment.double_refund",
        "price.decimal_shift",
        "price.total_not_positive",
        "promotion.applied_twice",
        "promotion.depth_over_cap",
        "promotion.exclusive_pair",
        "promotion.stale_client",
        "system",
        "system.key_flood",
        "system.late_events",
        "system.source_silent",
        "volume.zero",
    }


def test_on_normal_days_of_a_shop_no_family_tells_more_than_its_budget():
    shop = SimulatorSettings(
        seed=31, duration_seconds=4 * 86_400.0, orders_per_second=0.02, latency_scale=1 / 240, promise_sigmas=3.0,
        products=100, customers=20_000,
    )  # fmt: skip
    alerts = []
    shipped = load(DEMO, alerts={"budget_per_day": 3})
    replay(
        [event.value for event in simulate(shop)], shipped, PromotionRegister.parse(promotions_of(shop)),
        on_alert=lambda alert: alerts.append(msgspec.json.decode(alert.data)),
    )  # fmt: skip
    answer_of = Policy.load(shipped.alerts.policy_file).answer
    fired = [one for one in alerts if one["data"]["status"] == "firing" and not answer_of(one["data"]["kind"]).always]
    told = Counter((family_of(one["data"]["kind"]), one["time"][:10]) for one in fired)
    assert told
    assert max(told.values()) <= 3


def test_a_family_without_a_budget_of_its_own_has_the_common_one():
    alerts: AlertSettings = load(alerts={"budget_per_day": 7, "family_budget_per_day": {"price": 3}}).alerts
    assert [alerts.budget_per_day_of(family) for family in FAMILIES if family != "price"] == [7] * (len(FAMILIES) - 1)
    assert alerts.budget_per_day_of("price") == 3


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("alerts: {budget_per_day: -1}", ["alerts.budget_per_day", "-1", "greater than or equal to 0"]),
        ("alerts: {family_budget_per_day: {prise: 3}}", ["alerts.family_budget_per_day", "prise"]),
        ("alerts: {family_budget_per_day: {price: many}}", ["alerts.family_budget_per_day.price", "many"]),
    ],
)
def test_a_budget_that_makes_no_sense_stops_the_start_by_name(tmp_path: Path, text, words):
    path = tmp_path / "site.yaml"
    path.write_text(text)
    with pytest.raises(ConfigRefused) as caught:
        load(path)
    assert [word for word in words if word not in str(caught.value)] == []
