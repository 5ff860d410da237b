"""Every detector against the contract of `models.checks`, and what each adapter adds to it."""

from __future__ import annotations

import math
import pickle
from functools import partial

import numpy as np
import pytest
import skops.io
from pydantic import ValidationError
from river import anomaly, preprocessing
from sklearn.covariance import EllipticEnvelope
from sklearn.ensemble import IsolationForest
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import LocalOutlierFactor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import OneClassSVM

from config.registry import discover
from features.state import written
from models.checks import check_detector, rows_of
from models.detector import Detector, StateNotPortable
from models.detectors.river_detector import RiverDetector
from models.detectors.sklearn_detector import SklearnDetector

SMALL = {"window_rows": 400, "first_fit_rows": 100, "refit_rows": 270}


def one_class_svm(**params):
    return {"class": "river.anomaly.OneClassSVM", "params": params}


ADAPTED = {
    "river_gaussian_scorer": partial(RiverDetector, detector="river.anomaly.GaussianScorer", target=1),
    "river_half_space_trees": partial(
        RiverDetector, detector="river.anomaly.HalfSpaceTrees", scaler="river.preprocessing.MinMaxScaler"
    ),
    "river_quantile_filter_of_one_class_svm": partial(
        RiverDetector,
        detector="river.anomaly.QuantileFilter",
        params={"anomaly_detector": one_class_svm(nu=0.2), "q": 0.99},
    ),
    "river_quantile_filter_of_gaussian_scorer": partial(
        RiverDetector,
        detector="river.anomaly.QuantileFilter",
        params={"anomaly_detector": {"class": "river.anomaly.GaussianScorer"}, "q": 0.99},
    ),
    "sklearn_one_class_svm": partial(SklearnDetector, model="sklearn.svm.OneClassSVM", **SMALL),
    "sklearn_local_outlier_factor": partial(
        SklearnDetector, model="sklearn.neighbors.LocalOutlierFactor", params={"novelty": True}, **SMALL
    ),
}

QUICK = {"sklearn_detector": {"params": {"n_estimators": 5}, **SMALL}}

DISCOVERED = {
    name: partial(part, **QUICK.get(name, {})) for name, part in discover("models.detectors", Detector).items()
}

CONTRACT = [
    pytest.param(check, id=f"{detector}-{name}")
    for detector, factory in {**DISCOVERED, **ADAPTED}.items()
    for name, check in check_detector(factory)
]


@pytest.mark.parametrize("check", CONTRACT)
def test_every_detector_keeps_the_contract(check):
    check()


class Distance(Detector):
    """The distance from the mean of what was learned: keeps the contract; the broken ones derive from it."""

    def __init__(self):
        self.total, self.rows = np.zeros(4), 0

    def score(self, x):
        if not self.rows:
            return np.full(len(x), math.nan)
        return np.abs(np.where(np.abs(x) < 1e30, x, math.nan) - self.total / self.rows).sum(axis=1)

    def learn(self, x):
        for row in x[np.all(np.abs(x) < 1e30, axis=1)]:
            self.total += row
            self.rows += 1

    def get_state(self):
        return {"total": self.total.copy(), "rows": np.array([self.rows])}

    def set_state(self, state):
        self.total, self.rows = state["total"].copy(), int(state["rows"][0])


class Eager(Distance):
    def score(self, x):
        return np.nan_to_num(super().score(x))


class Impure(Distance):
    def score(self, x):
        self.rows += 1
        return super().score(x)


class ByTheBatch(Distance):
    def score_learn(self, x):
        scores = self.score(x)
        self.learn(x)
        return scores


class Hoarder(Distance):
    def learn(self, x):
        super().learn(x)
        self.hoard = [*getattr(self, "hoard", []), x.copy()]


class SharedState(Distance):
    def get_state(self):
        return {"total": self.total, "rows": np.array([self.rows])}


class Poisoned(Distance):
    def learn(self, x):
        self.total += np.clip(x, -1e300, 1e300).sum(axis=0)
        self.rows += len(x)


class UpsideDown(Distance):
    def score(self, x):
        return -super().score(x)


class Random(Distance):
    def score(self, x):
        return np.random.default_rng().random(len(x)) if self.rows else super().score(x)


BROKEN = [
    (Eager, "has_no_opinion_before_it_learned"),
    (Impure, "scoring_changes_nothing"),
    (ByTheBatch, "cutting_anywhere_changes_no_bit"),
    (ByTheBatch, "score_learn_is_score_then_learn_row_by_row"),
    (Hoarder, "memory_stays_bounded"),
    (SharedState, "goes_on_from_its_state_bit_for_bit"),
    (Poisoned, "a_row_without_a_finite_value_is_passed_over"),
    (Poisoned, "a_value_beyond_all_measure_counts_as_missing"),
    (UpsideDown, "ranks_a_planted_anomaly_above_the_median"),
    (Random, "same_parameters_give_the_same_scores"),
]


@pytest.mark.parametrize(("broken", "check"), BROKEN)
def test_a_broken_detector_is_caught_by_the_check_made_for_it(broken, check):
    dict(check_detector(Distance))[check]()
    with pytest.raises(AssertionError):
        dict(check_detector(broken))[check]()


def river_by_hand(model, x):
    scores = []
    for row in x.tolist():
        event = dict(enumerate(row))
        scores.append(model.score_one(event))
        model.learn_one(event)
    return np.array(scores)


@pytest.mark.parametrize(
    ("parameters", "by_hand"),
    [
        ({}, preprocessing.StandardScaler() | anomaly.OneClassSVM()),
        ({"params": {"nu": 0.3}, "scaler": None}, anomaly.OneClassSVM(nu=0.3)),
        (
            {"detector": "river.anomaly.LODA", "seed": 7},
            preprocessing.StandardScaler() | anomaly.LODA(seed=7),
        ),
        (
            ADAPTED["river_quantile_filter_of_one_class_svm"].keywords,
            preprocessing.StandardScaler() | anomaly.QuantileFilter(anomaly.OneClassSVM(nu=0.2), q=0.99),
        ),
    ],
)
def test_a_river_detector_scores_as_it_does_by_hand(parameters, by_hand):
    x = rows_of(400, seed=1)
    scores = RiverDetector(**parameters).score_learn(x)
    assert np.isnan(scores[:250]).all()
    assert scores[250:].tobytes() == river_by_hand(by_hand, x)[250:].tobytes()


def test_a_supervised_river_detector_judges_its_target_alone():
    x, gauss = rows_of(400, seed=2), anomaly.GaussianScorer()
    expected = []
    for value in x[:, 2].tolist():
        expected.append(gauss.score_one(None, value))
        gauss.learn_one(None, value)
    detector = RiverDetector(detector="river.anomaly.GaussianScorer", target=2)
    assert detector.score_learn(x)[250:].tolist() == expected[250:]
    gap = x[:1].copy()
    gap[0, 2] = math.nan
    assert math.isnan(detector.score(gap)[0])
    with pytest.raises(ValueError, match="target is column 2, a row has 2 features"):
        detector.score(x[:, :2])


def test_a_river_detector_with_a_part_that_cannot_be_written_says_what_a_restart_does():
    filtered = RiverDetector(
        detector="river.anomaly.QuantileFilter", params={"anomaly_detector": one_class_svm(), "q": 0.9}
    )
    with pytest.raises(StateNotPortable, match=r"RsQuantile keeps its state to itself.*warm_up_rows = 250"):
        filtered.get_state()


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"detector": "river.anomaly.GaussianScorer"},
        {"detector": "river.anomaly.LODA"},
        {"detector": "river.anomaly.StandardAbsoluteDeviation"},
        {"detector": "river.anomaly.HalfSpaceTrees", "scaler": "river.preprocessing.MinMaxScaler"},
    ],
    ids=lambda parameters: parameters.get("detector", "default"),
)
def test_a_river_detector_goes_on_from_its_state(parameters):
    stopped, x = RiverDetector(**parameters), rows_of(600, seed=4)
    stopped.learn(x[:400])
    fresh = RiverDetector(**parameters)
    fresh.set_state(stopped.get_state())
    expected = stopped.score_learn(x[400:])
    assert np.isfinite(expected).all()
    assert fresh.score_learn(x[400:]).tolist() == expected.tolist()


def test_a_river_detector_refuses_the_state_of_other_parameters():
    state = RiverDetector(params={"nu": 0.2}).get_state()
    with pytest.raises(ValueError, match=r"nu.*set:"):
        RiverDetector().set_state(state)


@pytest.mark.parametrize(
    "document",
    [
        ["object", "os._wrap_close", []],
        ["object", "river.stream.iter_csv.DictReader", []],
        ["object", "river.anomaly.lof.LocalOutlierFactor", []],
        ["object", "river.anomaly.svm.OneClassSVM", [["weights", ["same", 99]]]],
        ["object", "river.anomaly.svm.OneClassSVM", [["weights", ["kept"]]]],
        ["eval", "1"],
        None,
    ],
)
def test_a_river_state_can_name_no_other_class_and_leaves_the_detector_as_it_was(document):
    detector, x = RiverDetector(), rows_of(400, seed=5)
    detector.learn(x[:300])
    state = detector.get_state()
    expected = detector.score(x[300:])
    with pytest.raises(ValueError, match="no state of this river model"):
        detector.set_state({**state, "detector": written(document)})
    assert detector.score(x[300:]).tolist() == expected.tolist()


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"detector": "river.anomaly.Nothing"}, "no class that can be imported"),
        ({"detector": "os.system"}, "no river.base.base.Base"),
        ({"detector": "river.stats.Mean"}, "no river anomaly detector"),
        ({"params": {"gnu": 0.1}}, "OneClassSVM has no parameter 'gnu'; known: nu"),
        ({"warm_up_rows": 0}, "greater than or equal to 1"),
    ],
)
def test_a_river_detector_that_cannot_be_made_is_refused_by_name(parameters, says):
    with pytest.raises(ValidationError, match=says):
        RiverDetector(**parameters)


def saved(tmp_path, model):
    file = tmp_path / "model.skops"
    skops.io.dump(model, file)
    return file


@pytest.mark.parametrize(
    "model",
    [
        IsolationForest(n_estimators=10, random_state=3),
        OneClassSVM(nu=0.05),
        LocalOutlierFactor(novelty=True),
        EllipticEnvelope(random_state=3),
        make_pipeline(StandardScaler(), OneClassSVM()),
    ],
    ids=lambda model: type(model).__name__,
)
def test_a_fitted_model_from_a_file_scores_at_once_as_it_did_where_it_was_trained(tmp_path, model):
    model.fit(rows_of(500, seed=3))
    detector = SklearnDetector(file=saved(tmp_path, model), refit_rows=0)
    x = rows_of(300, seed=4)
    assert detector.score_learn(x).tobytes() == (-model.score_samples(x)).tobytes()
    assert detector.score_learn(x).tobytes() == (-model.score_samples(x)).tobytes()


def test_a_model_from_a_file_is_refitted_on_the_latest_rows_when_that_is_asked_for(tmp_path):
    file = saved(tmp_path, IsolationForest(n_estimators=10, random_state=3).fit(rows_of(500, seed=3)))
    x = rows_of(700, seed=5)
    detector = SklearnDetector(file=file, window_rows=200, first_fit_rows=50, refit_rows=300)
    scores = detector.score_learn(x)
    for start, fitted_on in ((300, x[100:300]), (600, x[400:600])):
        model = IsolationForest(n_estimators=10, random_state=3).fit(fitted_on)
        part = slice(start, start + 100)
        assert scores[part].tobytes() == (-model.score_samples(x[part])).tobytes()


def test_missing_values_go_to_models_that_take_them_and_rows_are_passed_over_by_others():
    gap = rows_of(50, seed=6)
    gap[:, 0] = math.nan
    for model, takes_nan in (("sklearn.ensemble.IsolationForest", True), ("sklearn.svm.OneClassSVM", False)):
        detector = SklearnDetector(model=model, first_fit_rows=200)
        detector.learn(rows_of(200, seed=7))
        assert np.isfinite(detector.score(gap)).all() == takes_nan
        assert np.isnan(detector.score(gap)).all() != takes_nan


def test_a_file_that_is_not_what_it_should_be_is_refused(tmp_path):
    x = rows_of(100, seed=8)
    pickled = tmp_path / "model.pickle"
    pickled.write_bytes(pickle.dumps(IsolationForest(n_estimators=2).fit(x)))
    with pytest.raises(ValidationError, match=r"is no skops file .* write it with skops"):
        SklearnDetector(file=pickled)
    with pytest.raises(ValidationError, match="cannot be read: No such file"):
        SklearnDetector(file=tmp_path / "nowhere.skops")
    with pytest.raises(ValidationError, match="LogisticRegression is no outlier model"):
        SklearnDetector(file=saved(tmp_path, LogisticRegression().fit(x, x[:, 0] > 0)))
    with pytest.raises(ValidationError, match="set novelty: true"):
        SklearnDetector(file=saved(tmp_path, LocalOutlierFactor().fit(x)))
    with pytest.raises(ValidationError, match="not fitted"):
        SklearnDetector(file=saved(tmp_path, IsolationForest()))


def test_a_file_with_a_type_that_nobody_trusts_is_refused_until_the_settings_trust_it(tmp_path):
    model = make_pipeline(FunctionTransformer(pickle.dumps), IsolationForest(n_estimators=2))
    model[-1].fit(rows_of(100, seed=9))
    file = saved(tmp_path, model)
    with pytest.raises(
        ValidationError, match=r"holds _?pickle\.dumps: not trusted; if it should be, add it to trusted"
    ):
        SklearnDetector(file=file)
    trusting = SklearnDetector(file=file, trusted=("_pickle.dumps", "pickle.dumps"), refit_rows=0)
    assert isinstance(trusting, Detector)


@pytest.mark.parametrize(
    ("parameters", "says"),
    [
        ({"model": "sklearn.ensemble.IsolationTrees"}, "write it as sklearn.ensemble.IsolationForest"),
        ({"model": "sklearn.linear_model.LogisticRegression"}, "no outlier model"),
        ({"model": "subprocess.Popen"}, "no sklearn.base.BaseEstimator"),
        ({"params": {"trees": 5}}, "IsolationForest has no parameter 'trees'"),
        ({"first_fit_rows": 6_000}, "first_fit_rows is 6000, window_rows keeps 5000"),
    ],
)
def test_a_scikit_learn_model_that_cannot_be_made_is_refused_by_name(parameters, says):
    with pytest.raises(ValidationError, match=says):
        SklearnDetector(**parameters)
