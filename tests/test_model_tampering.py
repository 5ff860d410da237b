"""What was changed behind the registry is refused by name, and nothing foreign runs."""

from __future__ import annotations

import json
import os
import pickle
from pathlib import Path

import numpy as np
import pytest
import skops.io
from sklearn.ensemble import IsolationForest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from config.errors import ConfigRefused
from config.settings import load
from models.npz import packed, unpacked
from models.package import ModelRefused, Package
from stream.model_registry.adding import detector_of
from stream.model_registry.manifest import Change, Manifest, opened, sealed
from stream.model_registry.serving import check_servable
from tests.trained_models import FEATURES, proven_for, rows

pytestmark = pytest.mark.usefixtures("bare_environment")


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
