"""Small models that were trained, and what they are kept with: what the tests of the registry share."""

from __future__ import annotations

from functools import cache

import numpy as np
import skops.io
from sklearn.ensemble import IsolationForest

from models.detectors.half_space_trees import HalfSpaceTrees
from models.package import pack
from stream.model_registry.adding import detector_of
from stream.model_registry.skew import libraries

FEATURES = ("margin", "basket_total")


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


def forest(tmp_path, **params):
    file = tmp_path / "forest.skops"
    skops.io.dump(IsolationForest(n_estimators=10, random_state=1).fit(rows()), file)
    return detector_of(file, None, params)


def proven_for(settings):
    from stream.model_registry.skew import feature_hash, feature_hashes

    hashes = feature_hashes(settings, FEATURES)
    return {"feature_hash": feature_hash(settings, FEATURES), "feature_hashes": hashes, "libraries": libraries()}
