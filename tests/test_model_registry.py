"""The registry: nothing is lost, nobody is overwritten, nothing foreign runs, and what is served is what was proved."""

from __future__ import annotations

import json
import os
import pickle
import signal
import sys
import uuid
from contextlib import suppress
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import skops.io
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from sklearn.ensemble import IsolationForest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from config.errors import ConfigRefused
from config.settings import load
from models.detectors.half_space_trees import HalfSpaceTrees
from models.detectors.river_detector import RiverDetector
from models.npz import packed, unpacked
from models.package import ModelRefused, Package, pack
from stream.cli import main
from stream.model_registry.adding import add_detector, detector_of, training_of
from stream.model_registry.difference import differences
from stream.model_registry.manifest import Change, Manifest, opened, sealed
from stream.model_registry.registry import PromotionConflict, Registry
from stream.model_registry.serving import check_servable, served
from stream.model_registry.skew import libraries
from stream.model_registry.store import Folder, open_store
from stream.pipeline import Pipeline
from tests.parts.object_store import ObjectStore
from tests.small_shop import log

FEATURES = ("margin", "basket_total")
KILLED = -signal.SIGKILL


@cache
def rows(n=600, seed=1):
    return np.random.default_rng(seed).normal(size=(n, 2))


@cache
def trees(seed=42):
    detector = HalfSpaceTrees(n_trees=3, height=4, window_size=100, seed=seed)
    detector.learn(rows())
    return detector


def package(seed=42):
    return pack("half_space_trees", trees(seed), FEATURES, rows(300, seed=2))


@pytest.fixture(autouse=True)
def bare_environment(monkeypatch):
    for name in list(os.environ):
        if name.startswith("ORDERWATCH_"):
            monkeypatch.delenv(name)


@pytest.fixture
def registry(tmp_path):
    return Registry.open(str(tmp_path / "models"))


@pytest.fixture
def two(registry):
    """A registry with two versions, the first of which serves."""
    for seed in (1, 2):
        registry.add("baskets", package(seed), author="ann")
    registry.promote("baskets", 1, author="ann", note="the first")
    return registry


def settings_for(registry, **more):
    detector = {"on": True, "model": "baskets"}
    return load(
        models={"registry": registry.address, **more.pop("models", {})},
        detectors={"half_space_trees": detector},
        **more,
    )


@pytest.fixture(scope="module")
def object_store():
    with ObjectStore() as store:
        yield store


@pytest.fixture(params=["folder", "memory", pytest.param("s3", marks=pytest.mark.parts)])
def place(request, tmp_path):
    """The address of an empty place for a registry, and what fsspec needs to reach it."""
    if request.param == "folder":
        return str(tmp_path / "models"), {}
    if request.param == "memory":
        return f"memory://{uuid.uuid4().hex}", {}
    store = request.getfixturevalue("object_store")
    return store.address(uuid.uuid4().hex), store.options


# --- places ------------------------------------------------------------------------------------------


def test_a_file_is_created_once_and_whole_in_every_kind_of_place(place):
    address, options = place
    store, other = open_store(address, **options), open_store(address, **options)
    store.create("a/files/1.json", b"first")
    with pytest.raises(FileExistsError):
        other.create("a/files/1.json", b"second")
    assert other.read("a/files/1.json") == b"first"
    assert (store.names(""), store.names("a"), store.names("a/files"), store.names("b")) == (
        ["a"],
        ["files"],
        ["1.json"],
        [],
    )
    with pytest.raises(FileNotFoundError):
        store.read("a/files/2.json")


def test_a_model_goes_from_challenger_to_champion_and_back_in_every_kind_of_place(place):
    address, options = place
    registry = Registry.open(address, **options)
    first, second = (registry.add("baskets", package(seed), author="ann") for seed in (1, 2))
    assert (first.label, second.label, registry.names()) == ("baskets@1", "baskets@2", ["baskets"])
    with pytest.raises(ModelRefused, match=r"baskets has no champion .* its versions: 1, 2"):
        registry.load("baskets")
    registry.promote("baskets", 1, author="ann")
    registry.promote("baskets", 2, author="bob", note="steadier")
    assert registry.load("baskets")[0] == second
    registry.rollback("baskets", author="bob", note="was not")
    standing = registry.standing("baskets")
    assert [standing.stage_of(version) for version in (1, 2)] == ["champion", "retired"]
    assert [(one.action, one.version, one.author) for one in registry.history("baskets")] == [
        ("promote", 1, "ann"),
        ("promote", 2, "bob"),
        ("rollback", 1, "bob"),
    ]


def test_an_address_where_two_could_both_be_first_is_refused():
    with pytest.raises(ModelRefused, match="ftp cannot say which of two promotions was first; use a folder or one of"):
        Registry.open("ftp://models.example/shop")


# --- stages ------------------------------------------------------------------------------------------


def test_what_cannot_be_done_is_refused_in_words(two):
    with pytest.raises(ModelRefused, match="baskets@1 is the champion already"):
        two.promote("baskets", 1, author="ann")
    with pytest.raises(ModelRefused, match="no champion before 1 to go back to"):
        two.rollback("baskets", author="ann")
    with pytest.raises(ModelRefused, match="baskets@1 is champion: only a challenger is put aside"):
        two.retire("baskets", 1, author="ann")
    with pytest.raises(ModelRefused, match=r"baskets@9 is not in .*; its versions are 1, 2"):
        two.load("baskets@9")
    with pytest.raises(ModelRefused, match=r"bskets@1 is not in .*; models there are baskets"):
        two.load("bskets@1")
    for name in ("../baskets", "baskets@0", "Baskets", "", "a/b"):
        with pytest.raises(ModelRefused, match="is no"):
            two.load(name)
        with pytest.raises(ModelRefused, match="is no"):
            two.add(name, package(), author="ann")


@given(steps=st.lists(st.tuples(st.sampled_from(["promote", "rollback", "retire"]), st.integers(1, 4)), max_size=12))
@hypothesis_settings(max_examples=40, deadline=None)
def test_any_changes_of_stage_leave_one_champion_and_a_way_back(steps):
    registry = Registry.open(f"memory://{uuid.uuid4().hex}")
    for _ in range(4):
        registry.add("baskets", Package("half_space_trees", {}, FEATURES, {}), author="ann")
    line, retired, done = [], set(), 0
    for action, version in steps:
        with suppress(ModelRefused):
            if action == "rollback":
                registry.rollback("baskets", author="ann")
                retired = retired - {line[-2]} | {line.pop()}
            elif action == "promote":
                registry.promote("baskets", version, author="ann")
                retired = retired - {version} | set(line[-1:])
                line.append(version)
            else:
                registry.retire("baskets", version, author="ann")
                retired.add(version)
            done += 1
        standing = registry.standing("baskets")
        assert (standing.champion, standing.retired) == (line[-1] if line else None, retired)
        assert [registry.standing("baskets").stage_of(v) for v in range(1, 5)].count("champion") == bool(line)
    assert len(registry.history("baskets")) == done


# --- crashes and races -------------------------------------------------------------------------------


def in_a_child(act, before_call=None):
    """Run `act` in a fork; `before_call` : SIGKILL it before that many calls to the file system. Its exit code."""
    child = os.fork()
    if child == 0:
        with suppress(BaseException):
            if before_call is not None:
                left = [before_call]

                def count(event, _):
                    if event in {"open", "os.link", "os.remove", "os.mkdir"}:
                        left[0] -= 1
                        if left[0] < 0:
                            os.kill(os.getpid(), signal.SIGKILL)

                sys.addaudithook(count)
            os._exit(act())
        os._exit(99)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def killed_everywhere(act):
    """Run `act` killed before its first call to the file system, its second, and so on, until it is through."""
    for calls in range(200):
        code = in_a_child(act, calls)
        if code == 0:
            return
        assert code == KILLED
        yield calls
    raise AssertionError("never came to its end")


def test_a_promotion_that_is_killed_anywhere_leaves_the_old_champion_or_the_new_one(two):
    def promote():
        if two.standing("baskets").champion == 1:
            two.promote("baskets", 2, author="bob")
        return 0

    seen = [two.load("baskets")[0].version for _ in killed_everywhere(promote) if two.standing("baskets").number < 2]
    assert len(seen) > 5
    assert set(seen) == {1}
    assert two.load("baskets")[0].version == 2
    assert len(two.history("baskets")) == 2


def test_an_addition_that_is_killed_anywhere_leaves_no_half_version(two):
    def add():
        two.add("baskets", package(3), author="bob")
        return 0

    for _ in killed_everywhere(add):
        for version in two.versions("baskets"):
            two.load(f"baskets@{version}")
        assert two.load("baskets")[0].version == 1
    assert two.load(f"baskets@{two.versions('baskets')[-1]}")[1].files == package(3).files


def test_of_promoters_who_start_together_one_is_first_and_the_others_are_told(two):
    for _ in range(3):
        two.add("baskets", package(7), author="ann")
    number = two.standing("baskets").number
    ready, go = os.pipe()
    children = []
    for version in (2, 3, 4, 5):
        child = os.fork()
        if child == 0:
            code = 99
            with suppress(BaseException):
                try:
                    two.promote("baskets", version, author=f"p{version}", check=lambda *_: os.read(ready, 1) and None)
                    code = 0
                except PromotionConflict as conflict:
                    code = 7 if "another change came first (promote of " in str(conflict) else 98
            os._exit(code)
        children.append(child)
    os.write(go, b"1234")
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    os.close(ready)
    os.close(go)
    # who looked after the first had written saw its champion, and followed it: in order, and nobody overwritten
    assert set(codes) <= {0, 7}
    assert codes.count(0) == two.standing("baskets").number - number >= 1
    assert len(two.history("baskets")) == two.standing("baskets").number


def test_who_looked_before_another_promoted_is_refused(two):
    two.add("baskets", package(3), author="ann")

    def meanwhile(*_):
        Registry.open(two.address).promote("baskets", 3, author="cid")

    with pytest.raises(PromotionConflict, match=r"\(promote of 3 by cid\); champion is 3"):
        two.promote("baskets", 2, author="bob", check=meanwhile)
    assert two.standing("baskets").champion == 3


def test_who_adds_at_the_same_time_gets_another_version(registry):
    children = []
    for seed in range(6):
        child = os.fork()
        if child == 0:
            with suppress(BaseException):
                os._exit(registry.add("baskets", package(seed % 2), author=f"a{seed}").version)
            os._exit(99)
        children.append(child)
    codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
    assert sorted(codes) == [1, 2, 3, 4, 5, 6] == registry.versions("baskets")


# --- tampering ---------------------------------------------------------------------------------------


def test_any_changed_file_is_refused_by_name_and_is_not_promoted(two):
    manifest = two.manifest("baskets", 2)
    assert set(manifest.files) == {"state.npz", "proof.npz", "reference.npz"}
    for stored in manifest.files.values():
        path = Path(two.address) / f"baskets/files/{stored.sha256}"
        whole = path.read_bytes()
        for damaged in (whole[:-1], bytes([whole[0] ^ 1]) + whole[1:], b""):
            path.write_bytes(damaged)
            with pytest.raises(ModelRefused, match=f"files/{stored.sha256} was changed: its sha256 is"):
                two.promote("baskets", 2, author="bob")
        path.unlink()
        with pytest.raises(ModelRefused, match="is missing"):
            two.promote("baskets", 2, author="bob")
        path.write_bytes(whole)
    assert two.standing("baskets").champion == 1
    two.promote("baskets", 2, author="bob")


def test_a_changed_manifest_is_refused(two):
    path = Path(two.address) / "baskets/versions/1.json"
    whole = path.read_bytes()
    for old, new in ((b'"author":"ann"', b'"author":"eve"'), (b"{", b"["), (b'"n_trees":3', b'"n_trees":4')):
        path.write_bytes(whole.replace(old, new))
        with pytest.raises(ModelRefused, match=r"versions/1.json (was changed|cannot be read)"):
            two.load("baskets")
    manifest = json.loads(whole)["record"] | {"params": {}}
    other, _ = opened(sealed(Manifest(**manifest))[0], Manifest, "")
    path.write_bytes(sealed(other)[0])
    with pytest.raises(ModelRefused, match="baskets@1 was changed since it was promoted"):
        two.load("baskets")


def test_a_changed_history_is_refused(two):
    two.promote("baskets", 2, author="bob")
    path = Path(two.address) / "baskets/stages/1.json"
    change, _ = opened(path.read_bytes(), Change, "")
    path.write_bytes(
        sealed(Change(**{name: getattr(change, name) for name in change.__struct_fields__} | {"author": "eve"}))[0]
    )
    with pytest.raises(ModelRefused, match=r"stages/2.json does not follow the one before it"):
        two.history("baskets")
    path = Path(two.address) / "baskets/stages/2.json"
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(ModelRefused, match=r"stages/2.json cannot be read"):
        two.load("baskets")


def test_what_a_crash_left_over_is_seen_by_nobody(two):
    for folder in ("stages", "versions", "files"):
        (Path(two.address) / "baskets" / folder / ".unfinished-1").write_bytes(b"half")
    (Path(two.address) / "baskets/stages/notes.txt").write_bytes(b"mine")
    two.promote("baskets", 2, author="bob")
    assert two.versions("baskets") == [1, 2]


# --- what is stored ----------------------------------------------------------------------------------


def forest(tmp_path, **params):
    file = tmp_path / "forest.skops"
    skops.io.dump(IsolationForest(n_estimators=10, random_state=1).fit(rows()), file)
    return detector_of(file, None, params)


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


class Harm:
    """Leaves a trace if it is ever unpickled."""

    def __init__(self, trace):
        self.trace = trace

    def __reduce__(self):
        return os.mkdir, (str(self.trace),)


def test_a_pickle_is_never_run(tmp_path):
    trace = tmp_path / "unpickled"
    (tmp_path / "model.pkl").write_bytes(pickle.dumps(Harm(trace)))
    (tmp_path / "model.skops").write_bytes(pickle.dumps(Harm(trace)))
    (tmp_path / "renamed.npz").write_bytes(pickle.dumps(Harm(trace)))
    np.savez(tmp_path / "hidden.npz", feature=np.array([Harm(trace)], dtype=object))
    trusting = make_pipeline(FunctionTransformer(os.path.basename), IsolationForest(n_estimators=2))
    trusting[-1].fit(rows())
    skops.io.dump(trusting, tmp_path / "function.skops")
    for name, says in (
        ("model.pkl", "neither .skops nor .npz"),
        ("model.skops", "is no skops file"),
        ("renamed.npz", "no .npz file of plain arrays"),
        ("hidden.npz", "Object arrays cannot be loaded"),
        ("function.skops", "not trusted"),
    ):
        with pytest.raises(ConfigRefused, match=says):
            detector_of(tmp_path / name, "half_space_trees" if name.endswith("npz") else None, {})
    with pytest.raises(ValueError, match="holds objects"):
        packed({"feature": np.array([Harm(trace)], dtype=object)})
    assert not trace.exists()


def test_a_package_cannot_say_what_is_to_be_trusted(registry, tmp_path):
    unsafe = make_pipeline(FunctionTransformer(os.path.basename), IsolationForest(n_estimators=2))
    unsafe[-1].fit(rows())
    files = {
        "model.skops": skops.io.dumps(unsafe),
        "state.npz": packed({"window": np.empty((5000, 0)), "learned": np.array([0])}),
    }
    evil = Package("sklearn_detector", {"trusted": ["posixpath.basename"]}, FEATURES, files)
    manifest = registry.add("baskets", evil, author="eve", **proven_for(load()))
    with pytest.raises(ModelRefused, match="not trusted"):
        check_servable(manifest, evil, load())


def test_an_archive_that_would_fill_the_memory_is_not_unpacked(tmp_path, monkeypatch):
    monkeypatch.setattr("models.npz._MOST_BYTES", 1 << 20)
    np.savez_compressed(tmp_path / "bomb.npz", zeros=np.zeros(1 << 18))
    with pytest.raises(ValueError, match="unpacks from"):
        unpacked((tmp_path / "bomb.npz").read_bytes())


# --- what is served ----------------------------------------------------------------------------------


def proven_for(settings):
    from stream.model_registry.skew import feature_hash, feature_hashes

    hashes = feature_hashes(settings, FEATURES)
    return {"feature_hash": feature_hash(settings, FEATURES), "feature_hashes": hashes, "libraries": libraries()}


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


# --- the command -------------------------------------------------------------------------------------


@pytest.fixture
def run(monkeypatch, capsys, registry):
    """Run `orderwatch models` in this process; give its exit code, output and messages."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["orderwatch", "models", *map(str, arguments), "--registry", registry.address])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return ended.value.code or 0, captured.out, captured.err

    return call


def test_the_command_takes_a_model_from_a_file_to_champion_and_back(run, tmp_path):
    forest(tmp_path)
    np.save(tmp_path / "rows.npy", rows(300, seed=3))
    add = ["add", "baskets", "--file", tmp_path / "forest.skops", "--features", ",".join(FEATURES), "--author", "ann"]
    told = ["--from", "2026-01-01", "--to", "2026-01-08", "--data", tmp_path / "rows.npy", "--metric", "auc=0.91"]
    assert run(*add, "--rows", tmp_path / "rows.npy", *told)[0] == 0
    assert run(*add, "--note", "a second try", "--metric", "auc=0.95")[0] == 0
    assert run("promote", "baskets@1")[0] == 0
    code, out, _ = run("promote", "baskets@2", "--author", "bob", "--json")
    assert (code, json.loads(out)["line"][-1]["version"]) == (0, 2)
    listed = json.loads(run("list", "--json")[1])
    assert [(one["version"], one["stage"], one["metrics"]["auc"]) for one in listed] == [
        (1, "retired", 0.91),
        (2, "champion", 0.95),
    ]
    assert len(listed[0]["training"]["data_hash"]) == 64
    assert "champion" in run("list")[1]
    differ = {one["what"]: one for one in json.loads(run("diff", "baskets@1", "--json")[1])["differences"]}
    assert differ["metrics.auc"]["change"] == pytest.approx(0.04)
    assert differ["note"]["after"] == "a second try"
    assert "promote of 2 by bob" in run("show", "baskets")[1]
    assert "champion is baskets@1" in run("rollback", "baskets")[1]
    code, _, error = run("rollback", "baskets")
    assert (code, error) == (2, "orderwatch: baskets: no champion before 1 to go back to\n")
    assert run("add", "baskets", "--file", tmp_path / "none.pkl", "--features", "margin")[0] == 2


def test_a_time_that_is_none_is_refused():
    with pytest.raises(ModelRefused, match="'last week' is no time"):
        training_of("last week", "", 0, ())


def test_versions_that_differ_in_nothing_else_have_no_differences(two):
    one = two.manifest("baskets", 1)
    assert differences(one, one) == []
    assert differences(one, two.manifest("baskets", 2))[0].what == "params.seed"
