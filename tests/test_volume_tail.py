"""The tails of counts, beside those of scipy."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from models.volume_tail import at_least, at_most, least_beyond, most_below


@given(
    mean=st.floats(1e-3, 1e5),
    dispersion=st.floats(1.02, 200.0),
    deviations=st.floats(-6.0, 15.0),
)
@settings(max_examples=300, deadline=None)
def test_tails_agree_with_scipy_to_seven_digits(mean: float, dispersion: float, deviations: float) -> None:
    x = float(np.floor(max(0.0, mean + deviations * (dispersion * mean) ** 0.5)))
    size, p = mean / (dispersion - 1), 1 / dispersion
    above, below = stats.nbinom.sf(x - 1, size, p), stats.nbinom.cdf(x, size, p)
    assert at_least(x, mean, dispersion * mean) == pytest.approx(above, rel=1e-7, abs=1e-290)
    assert at_most(x, mean, dispersion * mean) == pytest.approx(below, rel=1e-7, abs=1e-290)


@pytest.mark.parametrize(("mean", "dispersion"), [(0.1, 1.5), (3.0, 2.25), (400.0, 1.1), (20_000.0, 30.0)])
def test_ranges_are_the_quantiles_of_scipy(mean: float, dispersion: float) -> None:
    law = stats.nbinom(mean / (dispersion - 1), 1 / dispersion)
    assert least_beyond(0.005, mean, mean * dispersion) == law.isf(0.005)
    assert most_below(0.005, mean, mean * dispersion) == law.ppf(0.005)


def test_what_cannot_be_has_probability_nought_and_what_must_be_one() -> None:
    assert at_least(0.0, 5.0, 9.0) == 1.0
    assert at_least(1.0, 0.0, 0.0) == 0.0
    assert at_most(-1.0, 5.0, 9.0) == 0.0
    assert at_most(3.0, 0.0, 0.0) == 1.0
