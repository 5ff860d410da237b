"""The alert budget: never above it, never fewer for a larger one, and how often noise passes."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.policy import SEVERITIES
from models.budget import DAY_MS, FALSE_SHARE, PEERS, Budget, Claim, worth

HOUR_MS = DAY_MS // 24


# --- the budget itself ---------------------------------------------------------------------------

asked = st.lists(
    st.tuples(
        st.integers(0, 12 * HOUR_MS),  # since the one before
        st.integers(0, 60),  # worth, in tenths: equals are common
        st.floats(0.001, 0.999),
    ),
    max_size=120,
)


def told_at(per_day, stream):
    """Times at which a budget lets conditions through that are asked about once each."""
    budget, time_ms, told = Budget(per_day), 0, []
    for since_ms, tenths, draw in stream:
        time_ms += since_ms
        if budget.ask(Claim(draw), tenths / 10, time_ms):
            told.append(time_ms)
    return told


@given(asked, st.integers(0, 12))
@settings(max_examples=150, deadline=None)
def test_no_24_hours_hold_more_than_the_budget(stream, per_day):
    told = told_at(per_day, stream)
    assert all(told[i] - told[i - per_day] >= DAY_MS for i in range(per_day, len(told)))


@given(asked, st.integers(0, 12), st.integers(0, 12))
@settings(max_examples=150, deadline=None)
def test_a_larger_budget_has_at_no_time_told_fewer_of_the_same_conditions(stream, one, other):
    few, many = told_at(min(one, other), stream), told_at(max(one, other), stream)
    assert len(few) <= len(many)
    assert all(b <= a for a, b in zip(few, many, strict=False))  # its i-th is never later


@given(asked, st.integers(1, 12))
@settings(max_examples=100, deadline=None)
def test_wealth_is_never_negative_and_never_more_than_a_day_earns(stream, per_day):
    budget, time_ms = Budget(per_day), 0
    most = budget.wealth
    assert most == max((1 - FALSE_SHARE) * per_day, 2.0)
    for since_ms, tenths, draw in stream:
        time_ms += since_ms
        budget.ask(Claim(draw), tenths / 10, time_ms)
        assert 0.0 <= budget.wealth <= most


@pytest.mark.parametrize("per_day", [1, 3, 20])
def test_after_a_flood_and_a_year_of_silence_there_is_one_day_s_wealth_again(per_day):
    budget, fresh = Budget(per_day), Budget(per_day).wealth
    for i in range(500):
        budget.ask(Claim(0.5), 1.0, i * 1_000)
    assert budget.wealth < 1.0
    assert budget.ask(Claim(0.5), 1.0, 365 * DAY_MS)
    assert budget.wealth == pytest.approx(min(fresh, fresh - 1.0 + FALSE_SHARE))


@pytest.mark.parametrize("per_day", [2, 5, 20])
def test_while_half_the_budget_comes_each_is_told_at_once(per_day):
    budget = Budget(per_day)
    gap_ms = 2 * DAY_MS // per_day
    assert all(budget.ask(Claim(0.5), 1.0, i * gap_ms) for i in range(200))


def test_a_flood_of_equals_leaves_room_for_what_is_worth_more():
    budget = Budget(20)
    flood = [budget.ask(Claim(draw), 3.0, i) for i, draw in enumerate(np.linspace(0.01, 0.99, 400))]
    assert sum(flood) == 18
    assert budget.ask(Claim(0.5), 9.0, HOUR_MS)


def test_a_condition_that_was_held_back_is_told_when_it_has_grown():
    budget, held = Budget(20), Claim(0.9)
    for i in range(40):
        budget.ask(Claim(0.1), 3.0, i)
    assert not budget.ask(held, 2.0, HOUR_MS)
    assert budget.ask(held, 8.0, 2 * HOUR_MS)


def test_what_one_condition_has_paid_for_is_not_paid_again():
    budget, claim = Budget(1), Claim(0.999)
    for _ in range(3):
        budget.ask(Claim(0.5), 5.0, 0)
    levels = []
    for hour in range(48):
        budget.ask(claim, 1.0, hour * HOUR_MS)
        levels.append(claim.level)
    assert all(0.0 <= a <= b <= 1.0 for a, b in pairwise(levels))
    assert levels[-1] == 1.0  # whatever is asked about for long enough is tested at 1 in the end


def test_a_budget_of_nothing_tells_nothing():
    assert told_at(0, [(HOUR_MS, 60, 0.001)] * 50) == []


def test_only_the_latest_peers_are_kept():
    budget = Budget(1)
    first = Claim(0.5)
    for i in range(PEERS + 50):
        budget.see(first if i == 0 else Claim(0.5), float(i))
    budget.see(first, 1e6)  # it is no peer any more, and ranks nobody
    assert len(budget._worths) == len(budget.peers) == PEERS
    assert budget._worths == [float(i) for i in range(50, PEERS + 50)]


def test_worth_grows_with_certainty_number_loss_and_severity_and_never_falls():
    least = worth(0.99, 1, 0, "low")
    assert least == pytest.approx(2.0)
    assert worth(0.999, 1, 0, "low") == pytest.approx(least + 1)
    assert worth(0.99, 10, 0, "low") == pytest.approx(least + 1)
    assert worth(0.99, 1, 9 * 10_000, "low") == pytest.approx(least + 1)
    assert [worth(0.99, 1, 0, severity) for severity in reversed(SEVERITIES)] == pytest.approx([2, 3, 4, 5])
    assert worth(1.0, 1, -5, "low") == pytest.approx(9.0)


# --- statistics: seeded, with a band of four standard errors ---------------------------------------


def played(per_day, noise_a_day, signals_a_day, days, seed, lift=4.0):
    """Ordinary conditions, whose worth is that of a p-value, and others: how many of each pass, are told, come."""
    rng = np.random.default_rng(seed)
    sides = [np.zeros(rng.poisson(noise_a_day * days)), np.ones(rng.poisson(signals_a_day * days))]
    is_signal = rng.permutation(np.concatenate(sides)) == 1
    times = np.sort(rng.uniform(0, days * DAY_MS, len(is_signal))).astype(int).tolist()
    worths = -np.log10(rng.uniform(size=len(is_signal))) + lift * is_signal
    draws = rng.uniform(size=len(is_signal))
    budget, passed, told = Budget(per_day), Counter(), Counter()
    for time_ms, signal, decades, draw in zip(times, is_signal.tolist(), worths, draws, strict=True):
        claim = Claim(float(draw))
        told[signal] += budget.ask(claim, float(decades), time_ms)
        passed[signal] += claim.passed
    return passed, told, Counter(is_signal.tolist())


@pytest.mark.parametrize("shape", ["p-values", "few values", "normal"])
def test_p_of_ordinary_conditions_is_uniform_whatever_their_worth_is_like(shape):
    rng = np.random.default_rng(3)
    drawn = {
        "p-values": -np.log10(rng.uniform(size=6_000)),
        "few values": rng.integers(0, 4, 6_000).astype(float),
        "normal": rng.normal(5, 0.3, 6_000),
    }[shape]
    budget, p = Budget(1), []
    for value in drawn.tolist():
        claim = Claim(float(rng.uniform()))
        budget.see(claim, value)
        p.append(budget.p(claim))
    for a in (0.001, 0.01, 0.1, 0.5, 0.9):
        share = float(np.mean(np.array(p[100:]) <= a))
        band = 4 * math.sqrt(a * (1 - a) / 5_900)
        assert share <= a + band
        if a >= 0.01 or shape == "p-values":
            assert share >= a - band


def test_with_few_peers_what_lies_far_beyond_them_has_a_small_p_and_its_chance_is_kept():
    rng, far = np.random.default_rng(4), 0
    for _ in range(20_000):
        budget = Budget(1)
        for value in -np.log10(rng.uniform(size=4)):
            budget.see(claim := Claim(0.5), float(value))
        far += budget.p(claim) <= 0.02
    assert far / 20_000 == pytest.approx(0.02, abs=4 * math.sqrt(0.02 * 0.98 / 20_000))


@pytest.mark.parametrize(("per_day", "noise_a_day"), [(5, 25), (5, 500), (20, 60), (20, 1_000)])
def test_noise_alone_passes_as_often_as_the_budget_says(per_day, noise_a_day):
    days = 60
    passed, told, _ = played(per_day, noise_a_day, 0, days, seed=1)
    assert passed[False] <= per_day * days + 4 * math.sqrt(per_day * days)
    assert passed[False] >= 0.85 * per_day * days
    assert told[False] >= 0.5 * per_day * days


@pytest.mark.parametrize(
    ("per_day", "noise_a_day", "signals_a_day"), [(5, 50, 1), (5, 50, 20), (20, 200, 5), (1, 90, 9)]
)
def test_false_discoveries_are_paid_for_by_time_and_by_discoveries(per_day, noise_a_day, signals_a_day):
    days, false, bound = 30, [], []
    for seed in range(8):
        passed, _, _ = played(per_day, noise_a_day, signals_a_day, days, seed)
        false.append(passed[False])
        earned = max((1 - FALSE_SHARE) * per_day, 2.0) + (1 - FALSE_SHARE) * per_day * days
        bound.append(earned + FALSE_SHARE * passed.total())
    over = np.array(false) - np.array(bound)
    assert over.mean() <= 4 * math.sqrt(np.mean(false) / 8)


@pytest.mark.parametrize(("per_day", "noise_a_day"), [(5, 4), (20, 16), (20, 200)])
def test_what_is_extraordinary_goes_before_what_is_not(per_day, noise_a_day):
    shares = defaultdict(list)
    for seed in range(4):
        _, told, came = played(per_day, noise_a_day, 0.1 * per_day, 60, seed)
        for signal in (False, True):
            shares[signal].append(told[signal] / came[signal])
    assert np.mean(shares[True]) >= 0.75
    assert np.mean(shares[True]) > np.mean(shares[False])
