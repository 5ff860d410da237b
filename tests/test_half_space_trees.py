"""Half-Space Trees against river's: the same scores to the last bit, whatever the data and the cuts."""

from __future__ import annotations

import math
import os
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from river import anomaly, preprocessing

from models.detector import LARGEST
from models.detectors.half_space_trees import HalfSpaceTrees

ADBENCH = Path(os.environ.get("ORDERWATCH_DATA", "../shared/data")) / "adbench"


def river_scores(model, x, names=None):
    """River's score of each row on the state before it; a NaN is a key that the row does not have."""
    names = names or range(x.shape[1])
    scores = []
    for row in x.tolist():
        event = {name: value for name, value in zip(names, row, strict=True) if not math.isnan(value)}
        scores.append(model.score_one(event))
        model.learn_one(event)
    return np.array(scores, np.float64)


def assert_same_bits(ours, rivers, window_size):
    """River says 0 where we say NaN: before its first whole window."""
    assert np.isnan(ours[:window_size]).all()
    assert (rivers[:window_size] == 0).all()
    assert ours[window_size:].tobytes() == rivers[window_size:].tobytes()
    assert len(np.unique(ours[window_size:])) > 10


def scaled_river(**parameters):
    return preprocessing.MinMaxScaler() | anomaly.HalfSpaceTrees(**parameters)


def normal(rows, features, seed):
    return np.random.default_rng(seed).normal(size=(rows, features))


def drifting(rows, features, seed):
    x = normal(rows, features, seed)
    x[rows // 2 :] += 6.0
    return x * np.geomspace(1.0, 8.0, rows)[:, None]


def counts(rows, features, seed):
    return np.random.default_rng(seed).poisson(2.0, size=(rows, features)).astype(np.float64)


@pytest.mark.parametrize("data", [normal, drifting, counts])
@pytest.mark.parametrize(
    ("features", "parameters"),
    [
        (6, {}),
        (1, {"n_trees": 3, "height": 1, "window_size": 7}),
        (3, {"n_trees": 4, "height": 12, "window_size": 100, "seed": 7}),
        (20, {"n_trees": 25, "height": 5, "window_size": 64, "seed": 0}),
    ],
)
def test_scaled_scores_equal_rivers_pipeline_to_the_last_bit(data, features, parameters):
    parameters = {"seed": 42, **parameters}
    x = data(900, features, seed=features)
    ours = HalfSpaceTrees(**parameters).score_learn(x)
    assert_same_bits(ours, river_scores(scaled_river(**parameters), x), parameters.get("window_size", 250))


def test_unscaled_scores_equal_rivers_with_its_limits_and_its_order_of_names():
    names = ("quantity", "discount", "amount", "f10", "f2")
    limits = {"amount": (-5.0, 5.0), "quantity": (0.0, 4.0), "f10": (-1.0, 0.5)}
    x = normal(900, len(names), seed=5)
    river = anomaly.HalfSpaceTrees(seed=9, window_size=50, limits=limits)
    ours = HalfSpaceTrees(seed=9, window_size=50, scaled=False, columns=names, limits=limits)
    assert_same_bits(ours.score_learn(x), river_scores(river, x, names), window_size=50)


def test_missing_features_take_rivers_way_through_the_trees():
    x = normal(1_500, 5, seed=3)
    x[1:][np.random.default_rng(4).random((1_499, 5)) < 0.3] = np.nan
    x[1:200, 2] = np.nan  # a feature of which the scaler knows one value only
    x[np.isnan(x).all(axis=1), 0] = 0.0
    ours = HalfSpaceTrees(seed=1, window_size=100).score_learn(x)
    assert_same_bits(ours, river_scores(scaled_river(seed=1, window_size=100), x), window_size=100)


def test_values_of_any_size_up_to_the_largest_score_as_in_river():
    x = normal(600, 3, seed=8)
    x[100:500:40, 0], x[120:500:40, 0] = LARGEST, -LARGEST
    ours = HalfSpaceTrees(seed=2, window_size=50).score_learn(x)
    assert_same_bits(ours, river_scores(scaled_river(seed=2, window_size=50), x), window_size=50)


@pytest.mark.parametrize(
    "stem", ["23_mammography", "31_satimage-2", "32_shuttle", "34_smtp", "38_thyroid", "5_campaign"]
)
def test_scores_equal_rivers_on_labelled_sets(stem):
    path = ADBENCH / f"{stem}.npz"
    if not path.exists():
        pytest.skip(f"no {path}: set ORDERWATCH_DATA to the folder that holds adbench/")
    x = np.load(path)["X"][:3_000].astype(np.float64)
    ours = HalfSpaceTrees(seed=42).score_learn(x)
    assert_same_bits(ours, river_scores(scaled_river(seed=42), x), window_size=250)


@settings(max_examples=25, deadline=None)
@given(cuts=st.lists(st.integers(0, 400), max_size=12), seed=st.integers(0, 5))
def test_cutting_the_stream_anywhere_changes_no_bit(cuts, seed):
    x = normal(400, 3, seed)
    x[np.random.default_rng(seed).random(x.shape) < 0.05] = np.nan
    whole, parts = HalfSpaceTrees(window_size=60), HalfSpaceTrees(window_size=60)
    edges = [0, *sorted(cuts), 400]
    cut = [parts.score_learn(x[a:b]) for a, b in pairwise(edges)]
    assert whole.score_learn(x).tobytes() == np.concatenate(cut).tobytes()
    assert all(whole.get_state()[k].tobytes() == v.tobytes() for k, v in parts.get_state().items())


def test_columns_that_are_not_contiguous_score_the_same():
    x = normal(600, 4, seed=2)
    assert HalfSpaceTrees().score_learn(np.asfortranarray(x)).tobytes() == HalfSpaceTrees().score_learn(x).tobytes()


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"n_trees": 0}, "n_trees"),
        ({"height": 21}, "height"),
        ({"window": 5}, "window"),
        ({"columns": ("a", "a")}, "names one twice"),
        ({"limits": {"a": (0.0, 1.0)}}, "not in columns"),
        ({"columns": ("a",), "limits": {"a": (1.0, 1.0)}}, "lower one first"),
    ],
)
def test_a_bad_parameter_is_refused_by_name(parameters, says):
    with pytest.raises(ValidationError, match=says):
        HalfSpaceTrees(**parameters)


def test_rows_and_states_of_another_shape_are_refused_with_both_figures():
    trees = HalfSpaceTrees(height=4)
    trees.learn(normal(10, 3, seed=0))
    with pytest.raises(ValueError, match="has 2 features, the first one had 3"):
        trees.score(normal(1, 2, seed=0))
    with pytest.raises(ValueError, match="columns names 1"):
        HalfSpaceTrees(columns=("a",)).learn(normal(1, 2, seed=0))
    with pytest.raises(ValueError, match="these parameters need"):
        HalfSpaceTrees(height=5).set_state(trees.get_state())
    with pytest.raises(ValueError, match=r"seed, scaled \[10, 4, 250, 42, 1\]; set: \[10, 4, 250, 43, 1\]"):
        HalfSpaceTrees(height=4, seed=43).set_state(trees.get_state())
