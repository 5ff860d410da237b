"""The reservoir ensemble on labelled rows, beside Half-Space Trees; what bursts, drift and gaps do to it."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from models.detectors.half_space_trees import HalfSpaceTrees
from models.detectors.reservoir_ensemble import ReservoirEnsemble

ADBENCH = Path(os.environ.get("ORDERWATCH_DATA", Path(__file__).parents[1].parent / "shared" / "data")) / "adbench"
SETS = ("23_mammography", "31_satimage-2", "32_shuttle", "34_smtp", "38_thyroid", "5_campaign")
MOST_ROWS = {"5_campaign": 6_000, "32_shuttle": 20_000}


def ordinary(rows, seed):
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(rows, 5))
    x[:, 1] += x[:, 0]
    x[:, 2] = np.exp(x[:, 2])
    return x


def auc(scores, y):
    told = ~np.isnan(scores)
    return roc_auc_score(y[told], scores[told])


def labelled(name, order):
    path = ADBENCH / f"{name}.npz"
    if not path.exists():
        pytest.skip(f"no {path}: set ORDERWATCH_DATA to the folder that holds adbench/")
    with np.load(path) as arrays:
        x, y = arrays["X"].astype(np.float64), arrays["y"].astype(bool)
    if order == "shuffled":
        shuffle = np.random.default_rng(0).permutation(len(y))
        x, y = x[shuffle], y[shuffle]
    rows = MOST_ROWS.get(name, len(y))
    return x[:rows], y[:rows]


@pytest.mark.parametrize("order", ["stored", "shuffled"])
def test_the_mean_auc_is_at_least_090_and_no_set_is_below_half_space_trees(order):
    ours, trees = {}, {}
    for name in SETS:
        x, y = labelled(name, order)
        ours[name] = auc(ReservoirEnsemble().score_learn(x), y)
        trees[name] = auc(HalfSpaceTrees().score_learn(x), y)
    assert np.mean(list(ours.values())) >= 0.90, ours
    assert all(ours[name] >= trees[name] for name in SETS), (ours, trees)


def test_a_burst_does_not_become_normal_while_it_lasts():
    x, burst = ordinary(12_000, seed=1), ordinary(600, seed=2) * 0.2 + [5.0, -3.0, 6.0, 5.0, -5.0]
    x[8_000:8_600], y = burst, np.zeros(12_000, bool)
    y[8_000:8_600] = True
    ours, trees = auc(ReservoirEnsemble().score_learn(x), y), auc(HalfSpaceTrees().score_learn(x), y)
    assert ours > 0.995
    assert ours > trees


def test_a_lasting_change_becomes_normal():
    ensemble = ReservoirEnsemble(reservoir_rows=512, memory_rows=1_024)
    ensemble.learn(ordinary(4_000, seed=3))
    moved = ordinary(8_000, seed=4)
    moved[:, 0] += 8.0
    scores = ensemble.score_learn(moved)
    assert np.median(scores[:100]) > 2.0
    assert np.median(scores[-1_000:]) < 1.0


def test_what_is_odd_in_no_single_feature_is_found():
    rng = np.random.default_rng(5)
    common = rng.normal(size=(6_000, 1))
    x = common + rng.normal(0, 0.1, size=(6_000, 4))
    ensemble = ReservoirEnsemble()
    ensemble.learn(x[:5_000])
    against = x[5_000:][np.abs(common[5_000:, 0]) > 0.7]
    usual, against = against.copy(), against * [1, -1, 1, -1]  # each value is usual; that they go apart is not
    scores = ensemble.score(np.concatenate([usual, against]))
    assert roc_auc_score(np.repeat([0, 1], len(usual)), scores) > 0.9


def test_a_missing_feature_counts_as_usual():
    ensemble, x = ReservoirEnsemble(), ordinary(3_000, seed=6)
    ensemble.learn(x)
    odd = np.array([[9.0, 0.0, 1.0, 0.0, 0.0]])
    gap = odd.copy()
    gap[0, 0] = np.nan
    assert ensemble.score(gap)[0] < 1.0 < ensemble.score(odd)[0]


def test_a_feature_that_is_always_missing_or_always_the_same_is_no_hindrance():
    x = ordinary(3_000, seed=7)
    x[:, 3], x[:, 4] = np.nan, 7.0
    ensemble = ReservoirEnsemble()
    scores = ensemble.score_learn(x)
    assert np.isfinite(scores[ensemble.warm_up_rows :]).all()
    odd = np.array([[9.0, -9.0, 1.0, np.nan, 7.0]])
    assert ensemble.score(odd)[0] > np.quantile(scores[ensemble.warm_up_rows :], 0.99)


def test_the_reservoirs_order_is_that_of_its_rows_after_many_replacements():
    ensemble, x = ReservoirEnsemble(reservoir_rows=300, memory_rows=600), ordinary(6_000, seed=8).round(1)
    x[np.random.default_rng(9).random(x.shape) < 0.2] = np.nan
    ensemble.score_learn(x)
    state = ensemble.get_state()
    for j in range(5):
        values = state["rows"][:, j]
        present = np.sort(values[~np.isnan(values)])
        assert state["present"][j] == len(present)
        assert state["ordered"][j, : len(present)].tolist() == present.tolist()


def test_parameters_and_states_that_do_not_fit_are_refused_by_name():
    with pytest.raises(ValueError, match="memory_rows is 1000, less than reservoir_rows, 2048"):
        ReservoirEnsemble(memory_rows=1_000)
    with pytest.raises(ValueError, match="reservoir_rows is 200, less than warm_up_rows, 250"):
        ReservoirEnsemble(reservoir_rows=200, warm_up_rows=250)
    ensemble = ReservoirEnsemble()
    ensemble.learn(ordinary(10, seed=1))
    with pytest.raises(ValueError, match="a row has 2 features, the first one had 5"):
        ensemble.score(np.zeros((1, 2)))
    with pytest.raises(ValueError, match="seed"):
        ReservoirEnsemble(seed=7).set_state(ensemble.get_state())


def test_a_row_amid_the_clusters_is_odder_than_for_half_space_trees():
    rng = np.random.default_rng(1)
    centres = rng.normal(0, 3, size=(6, 10))
    x = centres[rng.integers(0, 6, 8_000)] + rng.normal(size=(8_000, 10))
    y = rng.random(8_000) < 0.02
    x[y] = centres.mean(axis=0) + rng.normal(size=(y.sum(), 10))
    assert auc(ReservoirEnsemble().score_learn(x), y) > auc(HalfSpaceTrees().score_learn(x), y)
