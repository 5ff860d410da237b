"""What the registry keeps comes back to the same bit, and what is served is what was proved."""

from __future__ import annotations

import json

import numpy as np
import pytest

from config.errors import ConfigRefused
from config.settings import load
from models.detectors.river_detector import RiverDetector
from models.package import ModelRefused, Package, pack
from stream.model_registry.adding import add_detector
from stream.model_registry.serving import check_servable, served
from stream.model_registry.skew import libraries
from stream.model_registry.store import Folder
from stream.pipeline import Pipeline
from tests.small_shop import log
from tests.trained_models import FEATURES, forest, package, proven_for, rows, trees

pytestmark = pytest.mark.usefixtures("bare_environment")


@pytest.mark.parametrize("kind", ["trees", "forest", "river"])
def test_a_detector_comes_back_to_the_same_bit(kind, registry, tmp_path):
    if kind == "river":
        detector = RiverDetector(detector="river.anomaly.HalfSpaceTrees", scaler="river.preprocessing.MinMaxScaler")
        detector.learn(rows())
    else:
        detector = forest(tmp_path) if kind == "forest" else trees()
    part = {"trees": "half_space_trees", "forest": "sklearn_detector", "river": "river_detector"}[kind]
    x = rows(300, seed=9)
    added = add_detector(registry, "baskets", part, detector, features=FEATURES, settings=load(), author="ann", rows=x)
    manifest, read = registry.load("baskets@1")
    found = check_servable(manifest, read, load())
    back, calibration = found.fresh()
    again = rows(200, seed=10)
    assert np.isfinite(calibration.score(detector.score(x[:1]))).all()
    assert back.score_learn(again).tolist() == detector.score_learn(again).tolist()
    assert found.fresh()[0].score(x).tolist() == found.detector.score(x).tolist()
    assert added == manifest
    assert ("model.skops" in manifest.files) == (kind == "forest")


def test_the_same_model_is_stored_once(registry):
    first, second = registry.add("a", package(), author="ann"), registry.add("a", package(), author="ann")
    assert first.files == second.files
    assert len(list(Folder(registry._store._root).names("a/files"))) == 3


def test_a_scikit_learn_model_from_the_registry_is_not_fitted_again_unless_asked(tmp_path):
    assert forest(tmp_path).refit_rows == 0
    assert forest(tmp_path, refit_rows=500).refit_rows == 500


def test_a_river_model_with_compiled_state_is_refused():
    svm = {"class": "river.anomaly.OneClassSVM"}
    detector = RiverDetector(detector="river.anomaly.QuantileFilter", params={"anomaly_detector": svm, "q": 0.9})
    with pytest.raises(
        ModelRefused, match=r"river_detector cannot be stored: river.anomaly.QuantileFilter has no state"
    ):
        pack("river_detector", detector, ("margin",))


def settings_for(registry, **more):
    detector = {"on": True, "model": "baskets"}
    return load(
        models={"registry": registry.address, **more.pop("models", {})},
        detectors={"half_space_trees": detector},
        **more,
    )


@pytest.fixture
def champion(registry):
    registry.add("baskets", package(), author="ann", **proven_for(load()))
    registry.promote("baskets", 1, author="ann")
    return registry


def test_a_worker_serves_the_champion_and_its_alerts_name_the_version(champion):
    settings = settings_for(champion, judge={"family_alert_score": {"behaviour": 0.5}})
    pipeline = Pipeline(settings, partitions=1)
    alerts = pipeline.process(0, log()[0], wait=False).alerts
    told = {(one["name"], one["version"]) for alert in alerts for one in json.loads(alert.data)["data"]["detectors"]}
    assert ("half_space_trees", "baskets@1") in told
    assert {version for name, version in told if name != "half_space_trees"} == {"1"}


def test_a_model_trained_on_other_features_is_refused_unless_named(champion):
    other = {"basket_total": {"on": True, "params": {"floor": 0.2}}}
    settings = settings_for(champion, features=other)
    line = (
        r"detectors.half_space_trees.model = 'baskets': baskets@1: trained on features \w{12}, served are \w{12} "
        r"\(basket_total\); train it again, or name it in models.accept_skew"
    )
    with pytest.raises(ModelRefused, match=line):
        Pipeline(settings, partitions=1)
    for name in ("baskets", "baskets@1"):
        assert served(settings_for(champion, features=other, models={"accept_skew": [name]}))
    with pytest.raises(ModelRefused, match="trained on features"):
        served(settings_for(champion, features=other, models={"accept_skew": ["baskets@2", "others"]}))


def test_a_model_of_another_library_version_is_refused_unless_named(registry, tmp_path):
    about = proven_for(load()) | {"libraries": libraries() | {"scikit-learn": "0.24.2"}}
    registry.add("baskets", pack("sklearn_detector", forest(tmp_path), FEATURES), author="ann", **about)
    registry.promote("baskets", 1, author="ann")
    at = {"registry": registry.address}
    asked = {"sklearn_detector": {"on": True, "model": "baskets@1"}}
    with pytest.raises(ModelRefused, match=r"trained with scikit-learn 0.24.2, installed is \d"):
        served(load(models=at, detectors=asked))
    assert served(load(models=at | {"accept_skew": ["baskets"]}, detectors=asked))


def test_a_model_that_scores_its_proof_differently_is_refused(registry):
    files = dict(package(1).files) | {"proof.npz": package(2).files["proof.npz"]}
    mixed = Package("half_space_trees", package(1).params, FEATURES, files)
    manifest = registry.add("baskets", mixed, author="ann", **proven_for(load()))
    with pytest.raises(ModelRefused, match=r"scores \d+ of 256 rows of its proof differently: row \d+"):
        registry.promote("baskets", 1, author="ann", check=lambda *it: check_servable(*it, load()))
    assert registry.standing("baskets").champion is None
    assert manifest.version == 1


def test_what_the_settings_get_wrong_is_one_line(champion):
    at = {"registry": champion.address}
    for models, detectors, says in (
        ({}, {"half_space_trees": {"model": "baskets"}}, "models.registry is not set"),
        (at, {"half_space_trees": {"model": "basket"}}, "half_space_trees.model = 'basket': basket has no champion"),
        (at, {"half_space_trees": {"model": "baskets@7"}}, "baskets@7 is not in"),
        (at, {"sklearn_detector": {"on": True, "model": "baskets"}}, "baskets@1 is a model of half_space_trees"),
        (at, {"half_space_trees": {"model": "Baskets"}}, "'Baskets' is no model"),
    ):
        with pytest.raises(ConfigRefused, match=says) as refused:
            Pipeline(load(models=models, detectors=detectors), partitions=1)
        assert "\n" not in str(refused.value)
    off = load(models=at, features={"margin": {"on": False}}, detectors={"half_space_trees": {"model": "baskets"}})
    with pytest.raises(ConfigRefused, match="feature 'margin' is not on"):
        served(off)


def test_a_detector_that_is_off_needs_no_registry():
    assert served(load(detectors={"half_space_trees": {"on": False, "model": "baskets"}})) == {}
