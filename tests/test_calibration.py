"""Calibration: 0.999 means one in a thousand, also after a level shift, and a burst does not move it."""

from __future__ import annotations

import math
from bisect import bisect_left, insort
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from models.calibration import Calibration


def by_the_book(calibration, raw):  # noqa: C901  # the whole rule in one place, to be read beside the docstring
    """The rule of the docstring, row by row, with nothing compiled and nothing kept sorted but a list."""
    ring, ordered, held, scores = [], [], [], []
    calm, dropped, adopting, calm_rows = 0, 0, "", calibration.calm_rows

    def learn(s):
        ring.append(s)
        insort(ordered, s)
        if len(ring) > calibration.reference_rows:
            del ordered[bisect_left(ordered, ring.pop(0))]

    for s in raw.tolist():
        scores.append(math.nan)
        if math.isnan(s):
            continue
        n = len(ring)
        p = (1 + n - bisect_left(ordered, s)) / (1 + n)
        ready = n >= calibration.min_reference_rows
        if ready:
            scores[-1] = 1.0 - p
        suspect = ready and p <= calibration.suspect_p
        calm = 0 if suspect else calm + 1
        if suspect and not adopting:
            held.append(s)
        else:
            learn(s)
        full, is_calm, is_long = len(held) == calibration.adopt_rows, calm >= calm_rows, calm >= 4 * calm_rows
        if is_long:
            dropped = 0
        if is_long or (is_calm and adopting == "until calm"):
            adopting = ""
        if full:
            adopting = "until calm"
        elif is_calm and len(held) >= calibration.burst_rows:
            dropped += len(held)
            adopting = "until a long calm" if dropped >= calibration.adopt_rows else adopting
        if full or (is_calm and (len(held) < calibration.burst_rows or adopting)):
            for s_held in held:
                learn(s_held)
        if full or is_calm:
            held = []
    return np.array(scores)


def eventful(rng, rows):
    """Ordinary scores with ties, gaps, bursts, drifts and level shifts."""
    parts = [
        rng.normal(size=rows),
        rng.normal(6, 1, size=rng.integers(0, rows)),
        np.round(rng.normal(size=rows), 1),
        np.full(rng.integers(0, rows), 3.0),
        rng.normal(size=rows) + np.linspace(0, 9, rows),
        -np.linspace(0, 30, rows),
        rng.choice([-math.inf, 0.0, math.inf], size=20),
    ]
    raw = np.concatenate([parts[i] for i in rng.permutation(len(parts))])
    raw[rng.random(len(raw)) < 0.03] = math.nan
    return raw


PARAMETERS = st.builds(
    Calibration,
    reference_rows=st.sampled_from([10, 50, 400, 1_000]),
    min_reference_rows=st.integers(1, 10),
    suspect_p=st.sampled_from([0.0, 0.02, 0.1, 0.2]),
    burst_rows=st.integers(2, 5),
    adopt_rows=st.integers(5, 40),
)


@settings(max_examples=25, deadline=None)
@given(calibration=PARAMETERS, seed=st.integers(0, 10_000))
def test_scores_are_those_of_the_rule_worked_by_hand(calibration, seed):
    raw = eventful(np.random.default_rng(seed), rows=300)
    expected = by_the_book(calibration, raw)
    assert calibration.score_learn(raw).tobytes() == expected.tobytes()


@settings(max_examples=40, deadline=None)
@given(calibration=PARAMETERS, seed=st.integers(0, 10_000), cuts=st.lists(st.integers(0, 900), max_size=8))
def test_cutting_the_stream_or_stopping_and_restoring_changes_no_bit(calibration, seed, cuts):
    raw = eventful(np.random.default_rng(seed), rows=300)
    blank = calibration.get_state()
    whole = calibration.score_learn(raw)
    calibration.set_state(blank)
    parts = []
    for start, end in pairwise([0, *sorted(cuts), len(raw)]):
        parts.append(calibration.score_learn(raw[start:end]))
        calibration.set_state(calibration.get_state())
    assert whole.tobytes() == np.concatenate(parts).tobytes()


@settings(max_examples=40, deadline=None)
@given(
    calibration=PARAMETERS,
    seed=st.integers(0, 10_000),
    at_least=st.sampled_from([0.3, 0.8, 0.95, 0.99, 1.0]),
    cuts=st.lists(st.integers(0, 900), max_size=8),
)
def test_who_asks_for_great_scores_only_gets_those_and_the_same_is_learned(calibration, seed, at_least, cuts):
    raw = eventful(np.random.default_rng(seed), rows=300)
    expected = by_the_book(calibration, raw)
    expected[expected < at_least] = math.nan
    parts = []
    for start, end in pairwise([0, *sorted(cuts), len(raw)]):
        parts.append(calibration.score_learn(raw[start:end], at_least))
        calibration.set_state(calibration.get_state())
    assert np.concatenate(parts).tobytes() == expected.tobytes()
    every = Calibration(**{name: getattr(calibration, name) for name in calibration.__dataclass_fields__})
    every.score_learn(raw)
    assert all(every.get_state()[name].tobytes() == array.tobytes() for name, array in calibration.get_state().items())


@pytest.mark.parametrize("slope", [-1.0, 1.0])
def test_great_scores_stay_exact_while_all_values_fall_or_rise(slope):
    raw = np.random.default_rng(12).normal(size=4_000) + slope * np.linspace(0, 400, 4_000)
    calibration = Calibration(reference_rows=1_000)
    expected = by_the_book(calibration, raw)
    expected[expected < 0.99] = math.nan
    assert calibration.score_learn(raw, 0.99).tobytes() == expected.tobytes()


def test_scoring_alone_changes_nothing():
    raw = np.random.default_rng(1).normal(size=2_000)
    asked, silent = Calibration(), Calibration()
    asked.score_learn(raw)
    silent.score_learn(raw)
    assert asked.score(raw).tobytes() == asked.score(raw).tobytes()
    assert asked.score_learn(raw).tobytes() == silent.score_learn(raw).tobytes()


def assert_calibrated(scores):
    """P(score >= s) = 1 - s within 4.5 standard errors; the reference's own chance doubles the variance."""
    for s in (0.5, 0.9, 0.95, 0.99, 0.995, 0.999):
        error = math.sqrt(2 * s * (1 - s) / len(scores))
        share = np.mean(scores >= s)
        assert abs(share - (1 - s)) < 4.5 * error + 1 / 2_001, f"{share} of the rows score >= {s}"


def shifted(rng, rows):
    return rng.normal(30.0, 4.0, size=rows)


@pytest.mark.parametrize(
    "draw",
    [
        lambda rng, rows: rng.normal(size=rows),
        lambda rng, rows: rng.lognormal(0, 2, size=rows),
        lambda rng, rows: rng.beta(0.3, 0.3, size=rows),
        shifted,
    ],
)
def test_on_honest_rows_a_score_is_what_it_says(draw):
    calibration = Calibration(reference_rows=2_000)
    raw = draw(np.random.default_rng(2), 200_000)
    assert_calibrated(calibration.score_learn(raw)[2_000:])


@pytest.mark.parametrize("new_level", [(30.0, 4.0), (3.0, 1.0), (-8.0, 0.5), (0.0, 5.0)])
def test_a_new_level_is_adopted_and_a_score_is_again_what_it_says(new_level):
    calibration, rng = Calibration(reference_rows=2_000), np.random.default_rng(3)
    calibration.score_learn(rng.normal(size=10_000))
    calibration.score_learn(rng.normal(*new_level, size=200 + 2_000))  # adopt_rows + reference_rows
    assert_calibrated(calibration.score_learn(rng.normal(*new_level, size=100_000)))


def test_a_new_level_stands_out_for_adopt_rows_and_no_longer():
    calibration, rng = Calibration(), np.random.default_rng(4)
    calibration.score_learn(rng.normal(size=6_000))
    scores = calibration.score_learn(rng.normal(20, 1, size=5_200))
    assert (scores[:200] == 5_000 / 5_001).all()
    assert (scores[200:] < 5_000 / 5_001).mean() > 0.99
    assert np.median(scores[-500:]) < 0.6


@pytest.mark.parametrize("share", [0.03, 0.05, 0.08, 0.12, 0.2, 0.4])
def test_a_new_level_is_adopted_whatever_share_of_its_rows_stands_out(share):
    calibration, rng = Calibration(), np.random.default_rng(10)
    calibration.score_learn(rng.normal(size=6_000), 0.9)
    rows = np.where(rng.random(40_000) < share, rng.normal(9, 1, 40_000), rng.normal(size=40_000))
    scores = calibration.score_learn(rows, 0.9)
    assert np.mean(scores[:400] >= 0.99) > 0.7 * share
    assert np.mean(scores[12_000:] >= 0.99) == pytest.approx(0.01, abs=0.0035)


@pytest.mark.parametrize("share", [1.0, 0.5, 0.2])
def test_a_burst_is_not_learned_however_it_is_mixed_with_honest_rows(share):
    rng = np.random.default_rng(5)
    usual, during = rng.normal(size=6_000), rng.normal(size=round(150 / share))
    odd = rng.random(len(during)) < share
    poisoned, clean = Calibration(), Calibration()
    for calibration in (poisoned, clean):
        calibration.score_learn(usual)
    scores = poisoned.score_learn(np.where(odd, 9.0, during))
    clean.score_learn(during[~odd])
    assert (scores[odd] >= 0.9995).all()
    poisoned.score_learn(usual[:100])
    clean.score_learn(usual[:100])
    after = np.linspace(-4, 12, 200)
    assert np.abs(poisoned.score(after) - clean.score(after)).max() <= 10 / 5_001
    assert poisoned.score(np.array([9.0]))[0] >= 0.9985


def test_leaving_out_every_rare_row_would_wear_the_tail_away_and_this_does_not():
    raw = np.random.default_rng(6).normal(size=300_000)
    holding = Calibration(reference_rows=1_000)
    leaving_out = Calibration(reference_rows=1_000, burst_rows=2, adopt_rows=100_000)
    honest, worn = holding.score_learn(raw)[-100_000:], leaving_out.score_learn(raw)[-100_000:]
    assert np.mean(honest >= 0.99) == pytest.approx(0.01, rel=0.1)
    assert np.mean(worn >= 0.99) > 0.1


def test_ties_never_make_a_row_look_rarer_than_it_is():
    calibration, rng = Calibration(reference_rows=1_000), np.random.default_rng(7)
    scores = calibration.score_learn(rng.poisson(0.05, size=50_000).astype(np.float64))[1_000:]
    for s in (0.5, 0.9, 0.99, 0.999):
        assert np.mean(scores >= s) <= (1 - s) * 1.1
    assert (Calibration().score_learn(np.ones(1_000))[200:] == 0.0).all()


def test_no_opinion_stays_none_and_is_not_learned():
    raw = np.random.default_rng(8).normal(size=1_000)
    gaps = np.insert(raw, [0, 300, 999], math.nan)
    scores = Calibration().score_learn(gaps)
    assert np.isnan(scores[np.isnan(gaps)]).all()
    assert scores[~np.isnan(gaps)].tobytes() == Calibration().score_learn(raw).tobytes()


def test_there_is_no_opinion_before_the_reference_is_large_enough():
    scores = Calibration(min_reference_rows=321).score_learn(np.random.default_rng(9).normal(size=1_000))
    assert np.isnan(scores[:321]).all()
    assert np.isfinite(scores[321:]).all()


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"reference_rows": 9}, "greater than or equal to 10"),
        ({"min_reference_rows": 6_000}, "min_reference_rows is 6000, reference_rows only 5000"),
        ({"burst_rows": 300}, "burst_rows is 300, adopt_rows only 200"),
        ({"suspect_p": 0.5}, "less than or equal to 0.2"),
        ({"freeze": 1}, "freeze"),
    ],
)
def test_a_bad_parameter_is_refused_with_its_limit(parameters, says):
    with pytest.raises(ValidationError, match=says):
        Calibration(**parameters)


def test_a_state_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"Calibration: state 'ring' is float64\(1000,\), these parameters need"):
        Calibration().set_state(Calibration(reference_rows=1_000).get_state())


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**32 - 1),
    different=st.integers(1, 6),
    zeros=st.sampled_from([0.0, 0.9, 0.99]),
    reference=st.sampled_from([40, 300]),
)
def test_many_equal_values_have_exact_scores_too(seed: int, different: int, zeros: float, reference: int) -> None:
    rng = np.random.default_rng(seed)
    raw = rng.integers(0, different + 1, 1500).astype(float) + (rng.random(1500) < 0.02) * rng.random(1500)
    raw[rng.random(1500) < zeros] = 0.0
    sizes = {"reference_rows": reference, "min_reference_rows": 20}
    exact = Calibration(**sizes).score_learn(raw)
    quick = Calibration(**sizes).score_learn(raw, 0.98)
    wanted = np.where(exact >= 0.98, exact, np.nan)
    np.testing.assert_array_equal(quick, wanted)
