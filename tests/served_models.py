"""Small models of a registry, and a pipeline that hears of them, without Kafka."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import msgspec
import numpy as np
from prometheus_client import CollectorRegistry

from config.settings import load
from models.detectors.half_space_trees import HalfSpaceTrees
from models.package import pack
from stream.engine.control import Control
from stream.engine.control_metrics import ControlMetrics
from stream.model_registry.skew import feature_hash, feature_hashes, libraries
from stream.pipeline import Pipeline

FEATURES = ("margin", "basket_total")


TALKATIVE = {"family_alert_score": {"behaviour": 0.5}}


def package(seed):
    rows = np.random.default_rng(1).normal(size=(600, 2))
    trees = HalfSpaceTrees(n_trees=3, height=4, window_size=100, seed=seed)
    trees.learn(rows)
    return pack("half_space_trees", trees, FEATURES, np.random.default_rng(2).normal(size=(300, 2)))


def about(settings, **more):
    known = {"feature_hash": feature_hash(settings, FEATURES), "feature_hashes": feature_hashes(settings, FEATURES)}
    return {"author": "ann", "libraries": libraries(), **known, **more}


def served_from(registry, **more):
    detectors = {"half_space_trees": {"model": "baskets"}}
    return load(models={"registry": registry.address}, detectors=detectors, judge=TALKATIVE, **more)


class Worker:
    """A pipeline and what hears of changed models, without Kafka."""

    def __init__(self, settings):
        self.pipeline = Pipeline(settings)
        self.metrics = CollectorRegistry()
        self.control = Control(settings, self.pipeline, ControlMetrics(self.metrics, self.pipeline), self.send)
        self.sent = {}

    async def send(self, key, value):
        self.sent[key] = value

    def hear(self, *words):
        records = [SimpleNamespace(key=word.key, value=msgspec.json.encode(word)) for word in words]
        asyncio.run(self.control.hear(records))
        return self.pipeline.models["half_space_trees"]

    def reloads(self, outcome):
        labels = {"detector": "half_space_trees", "outcome": outcome}
        return self.metrics.get_sample_value("orderwatch_model_reloads_total", labels)
