"""Drift: a new level is noticed, placed and measured; noise is not."""

from __future__ import annotations

import math

import numpy as np
import pytest

from models.drift import Drift


def changes(drift, values, series="orders"):
    return [(i, change) for i, v in enumerate(values) if (change := drift.update(series, float(v)))]


def gauss(level, spread, n, seed):
    return np.random.default_rng(seed).normal(level, spread, n)


@pytest.mark.parametrize("factor", [1e-6, 1.0, 1e6])
@pytest.mark.parametrize("new_level", [6.0, 14.0])
def test_a_step_is_noticed_soon_and_measured_whatever_its_unit(new_level, factor):
    values = factor * np.concatenate([gauss(10, 1, 300, seed=1), gauss(new_level, 1, 60, seed=2)])
    [(noticed, change)] = changes(Drift(), values)
    assert 300 <= noticed < 315
    assert change.series == "orders"
    assert change.mean_before == pytest.approx(10 * factor, rel=0.05)
    assert change.mean_after == pytest.approx(new_level * factor, rel=0.1)
    assert change.values_after == noticed - 299
    assert change.values_before == 256 - change.values_after


def test_a_slow_slope_is_noticed_on_its_way():
    values = np.concatenate([gauss(100, 5, 500, seed=3), gauss(0, 5, 400, seed=4) + np.linspace(100, 130, 400)])
    noticed, change = changes(Drift(), values)[0]
    assert 500 < noticed < 750
    assert change.mean_after > change.mean_before


def test_noise_raises_no_alarm():
    rng = np.random.default_rng(5)
    steady = {
        "normal": rng.normal(100, 10, 4_000),
        "counts": rng.poisson(3, 4_000),
        "over-dispersed": rng.negative_binomial(5, 0.2, 4_000),
        "skewed": rng.lognormal(0, 1, 4_000),
        "rare": rng.random(4_000) < 0.02,
        "constant": np.full(4_000, 7.0),
    }
    drift = Drift()
    found = {series: changes(drift, values, series) for series, values in steady.items()}
    assert found == {series: [] for series in steady}


def test_after_a_change_the_new_level_is_normal_and_the_way_back_is_a_change():
    values = np.concatenate([gauss(level, 1, 200, seed) for seed, level in enumerate([10, 15, 10])])
    found = [(round(change.mean_before), round(change.mean_after)) for _, change in changes(Drift(), values)]
    assert found == [(10, 15), (15, 10)]


def test_a_series_that_never_moved_is_watched_too():
    [(noticed, change)] = changes(Drift(), [0.0] * 200 + [5.0] * 30)
    assert noticed < 215
    assert (change.mean_before, change.mean_after) == (0.0, 5.0)


def test_series_do_not_see_each_other():
    drift, alone = Drift(), Drift()
    a = np.concatenate([gauss(1, 1, 200, seed=6), gauss(9, 1, 100, seed=7)])
    b = gauss(1_000, 1, 300, seed=8)
    together = [
        drift.update(name, value) for pair in zip(a, b, strict=True) for name, value in zip("ab", pair, strict=True)
    ]
    assert [change for change in together if change] == [change for _, change in changes(alone, a, "a")]


def test_values_that_are_no_values_are_passed_over():
    clean = np.concatenate([gauss(10, 1, 200, seed=9), gauss(20, 1, 20, seed=10)])
    spoiled = np.insert(clean, [0, 50, 100, 150], [math.nan, math.inf, 1e308, -math.inf])
    assert [change for _, change in changes(Drift(), clean)] == [change for _, change in changes(Drift(), spoiled)]


def test_only_the_series_fed_last_are_kept():
    drift = Drift(max_series=2)
    for series in ("a", "b", "a", "c"):
        drift.update(series, 1.0)
    assert len(drift) == 2
    assert list(drift._series) == ["a", "c"]


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"delta": 0.0}, "delta is 0.0: between 0 and 1"),
        ({"check_every_values": 0}, "check_every_values is 0: at least 1"),
        ({"scale_values": 1}, "scale_values is 1: at least 2"),
        ({"keep_values": 10}, "keep_values is 10: at least 30"),
        ({"max_series": 0}, "max_series is 0: at least 1"),
    ],
)
def test_a_bad_parameter_is_refused_with_its_limit(parameters, says):
    with pytest.raises(ValueError, match=says):
        Drift(**parameters)
