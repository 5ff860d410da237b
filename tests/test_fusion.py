"""The laws of fusion."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.fusion import fuse

SCORES = st.lists(st.tuples(st.floats(0, 1), st.floats(0.01, 10)), min_size=1, max_size=6)


@given(evidence=SCORES, which=st.integers(0, 5), more=st.floats(0, 1))
def test_more_of_any_signal_never_lowers_the_fused_score(
    evidence: list[tuple[float, float]], which: int, more: float
) -> None:
    scores, weights = zip(*evidence, strict=True)
    which %= len(scores)
    raised = list(scores)
    raised[which] = max(raised[which], more)
    assert fuse(raised, weights)[0] >= fuse(scores, weights)[0] - 1e-12


@given(evidence=SCORES)
def test_contributions_are_not_negative_and_sum_to_a_score_in_0_to_1(
    evidence: list[tuple[float, float]],
) -> None:
    scores, weights = zip(*evidence, strict=True)
    fused, contributions = fuse(scores, weights)
    assert 0.0 <= fused <= 1.0
    assert min(contributions) >= 0.0
    assert sum(contributions) == pytest.approx(fused, abs=1e-9)


@given(score=st.floats(0.01, 0.999))
def test_one_signal_alone_keeps_its_score(score: float) -> None:
    assert fuse([score], [3.0])[0] == pytest.approx(score, abs=1e-9)


def test_a_broken_rule_outweighs_any_number_of_calm_detectors() -> None:
    assert fuse([1.0, 0.5, 0.2, 0.01], [1.0] * 4)[0] > 0.999999
    assert fuse([1.0] + [0.0] * 50, [1.0] * 51)[0] > 0.999999


def test_one_odd_signal_among_calm_ones_is_diluted_not_silenced() -> None:
    assert fuse([0.9999, 0.0], [1.0, 1.0])[0] == pytest.approx(0.9998, abs=1e-5)
    assert fuse([0.9999, 0.0, 0.0, 0.0, 0.0], [1.0] * 5)[0] > 0.999


def test_nothing_to_fuse_is_an_error() -> None:
    with pytest.raises(ValueError, match="no score"):
        fuse([], [])
