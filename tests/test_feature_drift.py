"""Drift between two tables: the measures against their definitions, the chances against simulation and scipy."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstwobign, norm

import features
from features.drift import TooFewRows, column_drift, drifts, edges, ks, ks_p, psi, psi_p, share_p
from features.drift_picture import draw_drift
from stream.simulator import SimulatorSettings, simulate
from stream.simulator.incidents import make

VALUES = st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=60).map(np.array)
FEW_VALUES = st.lists(st.integers(0, 4).map(float), min_size=1, max_size=60).map(np.array)
SAMPLES = VALUES | FEW_VALUES


def psi_by_its_definition(before, after, cuts):
    """Row by row and bin by bin."""
    bins = [-math.inf, *cuts.tolist(), math.inf]
    total = 0.0
    for low, high in itertools.pairwise(bins):
        b, a = ((sum(low < v <= high for v in x) + 0.5) / (len(x) + 0.5 * (len(bins) - 1)) for x in (before, after))
        total += (a - b) * math.log(a / b)
    return total


@given(SAMPLES, SAMPLES)
def test_psi_is_its_definition_and_never_below_zero(before, after):
    assert psi(before, after) >= 0.0
    assert psi(before, after) == pytest.approx(psi_by_its_definition(before, after, edges(before)), abs=1e-12)


@given(SAMPLES)
def test_a_sample_has_not_moved_from_itself_in_any_order(values):
    assert psi(values, values[::-1]) == 0.0
    assert ks(values, values[::-1]) == 0.0


@given(SAMPLES, SAMPLES, st.floats(0.1, 10.0))
def test_a_unit_changes_no_measure(before, after, unit):
    scaled = np.concatenate([before, after]) * unit
    order = np.argsort(np.concatenate([before, after]), kind="stable")
    if (np.diff(scaled[order]) <= 0).tolist() != (np.diff(np.concatenate([before, after])[order]) <= 0).tolist():
        return  # two values became one by rounding
    there, here = before * unit, after * unit
    assert psi(there, here) == pytest.approx(psi(before, after), abs=1e-12)
    assert ks(there, here) == pytest.approx(ks(before, after), abs=1e-12)


@given(SAMPLES, st.integers(2, 20))
def test_bins_hold_the_values_evenly_unless_one_value_is_frequent(values, bins):
    cuts = edges(values, bins)
    counts = np.bincount(np.searchsorted(cuts, values), minlength=len(cuts) + 1)
    assert len(cuts) < bins
    assert counts.min() > 0


@given(SAMPLES, SAMPLES)
def test_ks_is_its_definition_and_the_same_both_ways(before, after):
    gaps = [abs(np.mean(before <= x) - np.mean(after <= x)) for x in (*before, *after)]
    assert ks(before, after) == pytest.approx(max(gaps), abs=1e-12)
    assert ks(before, after) == ks(after, before)


@given(st.floats(0.0, 1.0), st.integers(1, 5_000), st.integers(1, 5_000))
def test_the_chance_of_a_gap_is_kolmogorov_s(statistic, n, m):
    expected = kstwobign.sf(statistic * math.sqrt(n * m / (n + m)))
    assert ks_p(statistic, n, m) == pytest.approx(expected, abs=1e-10)


@given(st.integers(1, 300), st.integers(1, 300), st.data())
def test_the_chance_of_two_shares_is_the_two_sided_z_test(n, m, data):
    hits, other = data.draw(st.integers(0, n)), data.draw(st.integers(0, m))
    p = (hits + other) / (n + m)
    spread = math.sqrt(p * (1 - p) * (1 / n + 1 / m))
    expected = 2 * norm.sf(abs(hits / n - other / m) / spread) if spread else 1.0
    assert share_p(hits, n, other, m) == pytest.approx(expected, abs=1e-12)


def test_where_nothing_moves_each_chance_is_what_it_says():
    draw = np.random.default_rng(5)
    found = []
    for _ in range(400):
        before, after = draw.normal(size=800), draw.normal(size=500)
        before[draw.random(800) < 0.1], after[draw.random(500) < 0.1] = np.nan, np.nan
        found.append(column_drift("x", before, after))
    for chances in ([d.psi_p for d in found], [d.ks_p for d in found], [d.missing_p for d in found]):
        assert 0.02 < np.mean(np.array(chances) < 0.05) < 0.09


def test_more_of_a_shift_is_more_drift():
    draw = np.random.default_rng(2)
    before, noise = draw.normal(size=2_000), draw.normal(size=2_000)
    found = [column_drift("x", before, noise + shift) for shift in (0.0, 0.2, 0.5, 1.0, 2.0)]
    for measures in ([d.psi for d in found], [d.ks for d in found]):
        assert measures == sorted(measures)
    assert found[0].psi_p > 0.01 > found[2].psi_p > found[-1].psi_p


def test_what_a_table_lacks_is_nan_and_no_error():
    nothing = column_drift("x", np.array([1.0, 2.0]), np.array([np.nan, np.nan]))
    assert (nothing.missing_before, nothing.missing_after) == (0.0, 1.0)
    assert math.isnan(nothing.psi)
    assert math.isnan(nothing.ks)
    assert math.isnan(column_drift("x", np.array([]), np.array([1.0])).missing_before)
    with pytest.raises(TooFewRows, match="no value"):
        psi(np.array([]), np.array([1.0]))
    assert psi_p(psi(np.ones(9), np.full(9, 2.0)), 9, 9, bins=1) == 1.0


def test_a_column_that_is_not_there_or_no_number_is_refused():
    table = pa.table({"margin": [0.1], "channel": ["app"]})
    with pytest.raises(KeyError, match="'profit' is no column; there are margin, channel"):
        drifts(table, table, ["profit"])
    with pytest.raises(TypeError, match="column 'channel' holds string"):
        drifts(table, table, ["channel"])


@pytest.fixture(scope="module")
def shop():
    """Eight hours, in the last two of which everything is sold too cheap."""
    squeeze = make("margin_squeeze", after_seconds=21_600.0, rank=None, factor=0.8)
    run = simulate(
        SimulatorSettings(duration_seconds=28_800.0, orders_per_second=0.2, incidents=(squeeze,), life_cycle=False)
    )
    table = features.compute([event.value for event in run], progress=False)
    late = table["time"].to_numpy() >= np.datetime64(round(run.settings.start_ms + 21_600_000), "ms")
    return table.filter(pa.array(~late)), table.filter(pa.array(late))


def test_the_features_of_a_squeeze_show_what_was_squeezed(shop):
    found = {one.column: one for one in drifts(*shop)}
    assert found["margin"].psi > 0.5
    assert found["margin"].median_after < found["margin"].median_before
    assert found["price_deviation"].psi_p < 1e-9
    assert found["basket_size"].psi < 0.1
    assert drifts(*shop)[0].psi == max(one.psi for one in found.values() if not math.isnan(one.psi))
    assert not {"partition", "offset", "event_id"} & found.keys()


def test_pandas_tables_are_compared_as_arrow_s_are(shop):
    before, after = (table.select(["margin", "basket_size"]) for table in shop)
    assert repr(drifts(before.to_pandas(), after.to_pandas())) == repr(drifts(before, after))
    assert len(pd.DataFrame(drifts(before, after))) == 2


def test_the_picture_has_a_drawing_for_each_column_and_all_rows_in_its_bars(shop):
    names = ["margin", "basket_size", "price_deviation", "discount_depth"]
    picture = draw_drift(*shop, names)
    drawn = [axes for axes in picture.figure.axes if axes.get_title(loc="left")]
    assert [axes.get_title(loc="left") for axes in drawn] == names
    for axes in drawn:
        heights = [bar.get_height() for bar in axes.patches]
        assert sum(heights) == pytest.approx(2.0)
    assert "PSI" in drawn[0].get_xlabel()
    assert picture._repr_png_().startswith(b"\x89PNG")
