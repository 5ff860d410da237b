"""A promotion reaches a running worker: validated before it is used, swapped between two batches, and reversible."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import pickle
import re
import signal
import sys
import threading
import time
from copy import deepcopy
from pathlib import Path
from types import SimpleNamespace
from uuid import uuid4

import numpy as np
import pytest

from config.settings import load
from models.detectors.half_space_trees import HalfSpaceTrees
from models.detectors.sklearn_detector import SklearnDetector
from models.package import ModelRefused, Package
from stream.control_topic import Announcement, announce
from stream.engine.control import followed
from stream.engine.worker import run_worker
from stream.model_registry.registry import Registry
from stream.model_registry.skew import libraries
from stream.pipeline import Pipeline
from tests.feature_traffic import events, send
from tests.parts.traffic import wait_until
from tests.served_models import FEATURES, Worker, about, package, served_from
from tests.small_shop import log


@pytest.fixture
def registry(tmp_path):
    """Two sound versions, the first of which serves."""
    registry = Registry.open(str(tmp_path / "models"))
    for seed in (1, 2):
        registry.add("baskets", package(seed), **about(load()))
    registry.promote("baskets", 1, author="ann")
    return registry


def versions_in(alerts):
    told = [one for alert in alerts for one in json.loads(alert.data)["data"]["detectors"]]
    return {one["version"] for one in told if one["name"] == "half_space_trees"}


def test_a_promotion_is_swapped_in_between_two_batches_named_in_later_alerts_and_taken_back(registry):
    worker = Worker(served_from(registry))
    half = len(log()[0]) // 2
    before = worker.pipeline.process(0, log()[0][:half], wait=False).alerts
    change = registry.promote("baskets", 2, author="bob")
    assert worker.hear(Announcement("baskets", change.number, "bob")) == "baskets@2"
    after = worker.pipeline.process(0, log()[0][half:], wait=False).alerts
    assert versions_in(before) == {"baskets@1"}
    assert "baskets@2" in versions_in(after)
    change = registry.rollback("baskets", author="bob")
    assert worker.hear(Announcement("baskets", change.number, "bob")) == "baskets@1"
    assert worker.reloads("applied") == 2
    info = {"detector": "half_space_trees", "model": "baskets@1"}
    assert worker.metrics.get_sample_value("orderwatch_model_info", info) == 1


def test_words_that_change_nothing_load_nothing(registry):
    worker = Worker(served_from(registry))
    worker.hear(Announcement("baskets", 1), Announcement("others", 4), Announcement("baskets", 0))
    asyncio.run(
        worker.control.hear([SimpleNamespace(key=b"model/x", value=b"no word"), SimpleNamespace(key=None, value=b"")])
    )
    assert (worker.reloads("applied"), worker.reloads("refused")) == (0, 0)


def test_a_detector_with_a_version_of_its_own_follows_nobody():
    pinned = load(
        detectors={"half_space_trees": {"model": "baskets@1"}, "sklearn_detector": {"on": False, "model": "b"}}
    )
    assert followed(pinned) == {}


def tampered(registry):
    path = Path(registry.address) / f"baskets/files/{registry.manifest('baskets', 2).files['state.npz'].sha256}"
    registry.promote("baskets", 2, author="eve")
    path.write_bytes(path.read_bytes()[:-1] + b"x")


def of_other_features(registry):
    other = load(features={"basket_total": {"on": True, "params": {"floor": 0.2}}})
    registry.add("baskets", package(3), **about(other))
    registry.promote("baskets", 3, author="eve")


def with_a_pickle(registry):
    trace = Path(registry.address) / "unpickled"

    class Harm:
        def __reduce__(self):
            return os.mkdir, (str(trace),)

    files = {**package(3).files, "state.npz": pickle.dumps(Harm())}
    registry.add("baskets", Package("half_space_trees", package(3).params, FEATURES, files), **about(load()))
    registry.promote("baskets", 3, author="eve")


def with_another_proof(registry):
    files = {**package(1).files, "proof.npz": package(2).files["proof.npz"]}
    registry.add("baskets", Package("half_space_trees", package(1).params, FEATURES, files), **about(load()))
    registry.promote("baskets", 3, author="eve")


def of_another_part(registry):
    registry.add("baskets", Package("river_detector", {}, FEATURES, {}), **about(load()))
    registry.promote("baskets", 3, author="eve")


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (tampered, "was changed: its sha256 is"),
        (of_other_features, r"trained on features \w{12}, served are \w{12} \(basket_total\)"),
        (with_a_pickle, "cannot go on from its files|no .npz file"),
        (with_another_proof, "rows of its proof differently"),
        (of_another_part, "is a model of river_detector"),
    ],
)
def test_what_must_not_serve_is_refused_in_one_line_and_the_last_good_one_stays(registry, caplog, spoil, says):
    worker = Worker(served_from(registry))
    spoil(registry)
    number = registry.standing("baskets").number
    with caplog.at_level(logging.ERROR, "stream"):
        assert worker.hear(Announcement("baskets", number)) == "baskets@1"
    [line] = [record.getMessage() for record in caplog.records]
    assert line.startswith("half_space_trees keeps baskets@1: the new champion of baskets is refused: ")
    assert re.search(says, line)
    assert "\n" not in line
    assert (worker.reloads("applied"), worker.reloads("refused")) == (0, 1)
    assert not (Path(registry.address) / "unpickled").exists()
    assert worker.pipeline.process(0, log()[0][:50], wait=False).events > 0


def test_a_forest_of_another_scikit_learn_is_refused(registry, monkeypatch):
    monkeypatch.setattr("stream.model_registry.skew._BOUND", {"half_space_trees": ("scikit-learn",)})
    worker = Worker(served_from(registry))
    registry.add("baskets", package(3), **about(load(), libraries=libraries() | {"scikit-learn": "0.24.2"}))
    registry.promote("baskets", 3, author="eve")
    assert worker.hear(Announcement("baskets", 2)) == "baskets@1"
    assert worker.reloads("refused") == 1


def test_loading_gives_way_to_judging_and_leaves_the_interpreter_as_it_was(registry, monkeypatch):
    worker, usual, seen = Worker(served_from(registry)), sys.getswitchinterval(), []

    def looks(*_):
        seen.append(sys.getswitchinterval())
        raise ModelRefused("no")

    monkeypatch.setattr("stream.engine.control.served_by", looks)
    number = registry.promote("baskets", 2, author="bob").number
    worker.hear(Announcement("baskets", number))
    assert seen[0] < usual / 5
    assert sys.getswitchinterval() == usual


def test_a_fitted_forest_is_shared_by_partitions_and_what_each_learns_is_not():
    rows = np.random.default_rng(1).normal(size=(300, 2))
    forest = SklearnDetector(params={"n_estimators": 5}, first_fit_rows=200, refit_rows=100, window_rows=200)
    forest.learn(rows[:250])
    twin = deepcopy(forest)
    assert twin._fitted is forest._fitted
    before = forest.score(rows[:9])
    twin.learn(rows[250:])
    assert (forest.score(rows[:9]) == before).all()
    assert (twin.score(rows[:9]) != before).any()


def test_a_model_that_fails_on_a_trial_is_refused(registry, monkeypatch):
    worker = Worker(served_from(registry))
    registry.promote("baskets", 2, author="bob")
    monkeypatch.setattr(Package, "prove", lambda *_: None)
    monkeypatch.setattr(HalfSpaceTrees, "score", lambda self, x: np.full(len(x), np.inf))
    assert worker.hear(Announcement("baskets", 2)) == "baskets@1"
    assert worker.reloads("refused") == 1


def test_a_registry_that_does_not_show_the_change_yet_is_asked_again(registry, monkeypatch):
    worker = Worker(served_from(registry))
    seen, real = [], registry.standing("baskets")
    registry.promote("baskets", 2, author="bob")
    standing = worker.control._registry.standing
    monkeypatch.setattr("stream.engine.control._BEHIND_SECONDS", 0.01)

    def late(name):
        seen.append(name)
        return real if len(seen) < 3 else standing(name)

    monkeypatch.setattr(worker.control._registry, "standing", late)
    assert worker.hear(Announcement("baskets", 2)) == "baskets@2"
    seen.clear()
    monkeypatch.setattr(worker.control._registry, "standing", lambda _: real)
    assert worker.hear(Announcement("baskets", 9)) == "baskets@2"
    assert worker.reloads("refused") == 1


def test_the_state_of_an_old_model_is_not_laid_over_a_promoted_one(registry):
    settings = served_from(registry)
    old = Pipeline(settings, partitions=1)
    old.process(0, log()[0], wait=False)
    registry.promote("baskets", 2, author="bob")
    promoted, fresh = Pipeline(settings, partitions=1), Pipeline(settings, partitions=1)
    promoted.set_state(old.get_state())
    restored, untouched = promoted.get_state(), fresh.get_state()
    trees = [name for name in restored if name.startswith("judge.0/half_space_trees/")]
    assert trees
    assert all(
        np.array_equal(restored[name], untouched[name], equal_nan=True) for name in trees if "/sample/" not in name
    )
    others = [name for name in restored if name.startswith("judge.0/price_outlier/")]
    assert any(not np.array_equal(restored[name], untouched[name], equal_nan=True) for name in others)


def test_a_model_that_serves_in_spite_of_its_training_is_a_metric(registry):
    other = {"basket_total": {"on": True, "params": {"floor": 0.2}}}
    accepted = {"registry": registry.address, "accept_skew": ["baskets"]}
    for features, models, ways in (({}, {"registry": registry.address}, 0), (other, accepted, 1)):
        settings = load(models=models, features=features, detectors={"half_space_trees": {"model": "baskets"}})
        labels = {"detector": "half_space_trees", "model": "baskets@1"}
        assert Worker(settings).metrics.get_sample_value("orderwatch_model_skew", labels) == ways


def test_a_worker_that_has_swapped_goes_on_from_its_state_as_if_never_stopped(registry):
    settings = served_from(registry)
    worker = Worker(settings)
    worker.pipeline.process(0, log()[0][:200], wait=False)
    registry.promote("baskets", 2, author="bob")
    worker.hear(Announcement("baskets", 2))
    worker.pipeline.process(0, log()[0][200:400], wait=False)
    other = Pipeline(settings)
    other.set_state({name: array.copy() for name, array in worker.pipeline.get_state().items()})
    told, expected = (one.process(0, log()[0][400:], wait=False).alerts for one in (other, worker.pipeline))
    assert [alert.data for alert in told] == [alert.data for alert in expected]


def test_a_promotion_reaches_a_worker_under_load_within_five_seconds_and_holds_after_a_restart(settings, registry):

    own = served_from(registry).model_copy(update={"redis": settings.redis, "instance": settings.instance})
    kafka = settings.kafka.model_copy(
        update={"control_topic": f"control-{uuid4().hex[:8]}", "session_timeout_seconds": 4.0}
    )
    own = own.model_copy(update={"kafka": kafka})
    pipeline, took, stop = Pipeline(own), {}, threading.Event()

    def load_it() -> None:
        for start in range(0, len(events()), 200):
            if not stop.is_set():
                send(own, events()[start : start + 200])
                time.sleep(0.1)

    def direct() -> None:
        wait_until(lambda: pipeline.clock_ms > 0)
        for act, version in (
            (lambda: registry.promote("baskets", 2, author="bob"), "baskets@2"),
            (lambda: registry.rollback("baskets", author="bob"), "baskets@1"),
            (lambda: registry.promote("baskets", 2, author="bob"), "baskets@2"),
        ):
            change = act()
            began = time.monotonic()
            announce(kafka, Announcement("baskets", change.number, "bob"))
            wait_until(lambda version=version: pipeline.models["half_space_trees"] == version)
            took[change.number] = time.monotonic() - began
        stop.set()
        os.kill(os.getpid(), signal.SIGTERM)

    threads = [threading.Thread(target=load_it), threading.Thread(target=direct)]
    run_worker(own, pipeline, on_ready=lambda _: [thread.start() for thread in threads])
    for thread in threads:
        thread.join()
    assert max(took.values()) < 5.0, took
    assert Pipeline(own).models == {"half_space_trees": "baskets@2"}
