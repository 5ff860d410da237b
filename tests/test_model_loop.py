"""The whole loop of a data scientist: drift, a retrained forest, certificate, shadow, backtest, switch and way back."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
from functools import cache
from uuid import uuid4

import numpy as np
import pyarrow as pa
import pytest

import features
from config.settings import load
from features.drift import drifts
from models.detectors.sklearn_detector import SklearnDetector
from stream.backtest.comparison import compare
from stream.backtest.run import Period
from stream.backtest.run import run as backtest
from stream.backtest.told import headline
from stream.cli import main
from stream.engine.worker import run_worker
from stream.model_registry.adding import add_detector
from stream.model_registry.registry import Registry
from stream.parity import check
from stream.pipeline import Pipeline
from stream.simulator import SimulatorSettings, simulate
from stream.simulator.incidents import make
from tests.feature_traffic import archived, send
from tests.parts.traffic import committed, wait_until

COLUMNS = ("basket_total", "basket_size", "discount_depth", "margin", "price_deviation")
HOUR = 3_600.0
DRIFT_AFTER = 8 * HOUR
LEAST_ORDERS = 100
SWITCH_SECONDS = 5.0


@cache
def events():
    """Sixteen hours of a shop that sells everything three tenths cheaper from the eighth on."""
    cut = make("margin_squeeze", after_seconds=DRIFT_AFTER, duration_seconds=8 * HOUR, factor=0.7, rank=None)
    return tuple(
        simulate(
            SimulatorSettings(
                seed=9, duration_seconds=16 * HOUR, orders_per_second=0.06, incidents=(cut,), life_cycle=False
            )
        )
    )


def values(some=None):
    return [event.value for event in (events() if some is None else some)]


@pytest.fixture
def settings(settings, tmp_path):
    """A worker that serves the champion of a registry, logs features, and holds promotions to a policy."""
    name = uuid4().hex[:8]
    policy = {"min_orders": LEAST_ORDERS}
    base = load(
        models={"registry": str(tmp_path / "models"), "promotion": policy},
        detectors={"sklearn_detector": {"on": True, "model": "odd-baskets", "features": []}},
    )
    kafka = {"control_topic": f"control-{name}", "session_timeout_seconds": 6.0, "rebalance_timeout_seconds": 12.0}
    log = {"on": True, "topic": f"features-{name}", "every_seconds": 0.2}
    return settings.model_copy(
        update={
            "models": base.models,
            "detectors": base.detectors,
            "kafka": settings.kafka.model_copy(update=kafka),
            "feature_log": settings.feature_log.model_copy(update=log),
        }
    )


def add_forest(registry, table, settings):
    """Train a forest on three quarters of some rows; the others are its proof."""
    x = table.select(COLUMNS).to_pandas().to_numpy()
    proof = np.arange(len(x)) % 4 == 0
    forest = SklearnDetector(
        params={"n_estimators": 20}, first_fit_rows=int((~proof).sum()), window_rows=len(x), refit_rows=0, seed=1
    )
    forest.learn(x[~proof])
    add_detector(
        registry,
        "odd-baskets",
        "sklearn_detector",
        forest,
        features=COLUMNS,
        settings=settings,
        author="ann",
        rows=x[proof],
    )


@pytest.fixture
def models(settings, monkeypatch, capsys, tmp_path):
    """Run `orderwatch models` with the worker's settings; in this process, since its answer is what counts."""
    config = tmp_path / "shop.yaml"
    kafka = {"brokers": settings.kafka.brokers, "control_topic": settings.kafka.control_topic}
    told = {"kafka": kafka, "models": settings.models.model_dump(mode="json")}
    config.write_text(json.dumps(told))

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["orderwatch", "models", *arguments, "--config", str(config)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return ended.value.code or 0, captured.out, captured.err

    return call


class Scored(Pipeline):
    """Counts the events that it has scored."""

    events = 0

    def process(self, partition, records, **how):
        outcome = super().process(partition, records, **how)
        self.events += outcome.events
        return outcome


class Loop:
    """Orders that never cease, and a data scientist who takes a challenger from shadow to champion and back."""

    def __init__(self, settings, models):
        self.settings, self.models, self.pipeline = settings, models, Scored(settings)
        self.took, self.refused = {}, None
        self.sent = 0
        self.is_back, self.is_all_sent = threading.Event(), threading.Event()

    def run(self):
        threads = [threading.Thread(target=each) for each in (self.keep_busy, self.direct)]
        run_worker(self.settings, self.pipeline, on_ready=lambda _: [thread.start() for thread in threads])
        for thread in threads:
            thread.join()

    def keep_busy(self):
        """A few orders every tenth of a second until both switches are seen, then the rest."""
        while self.sent < len(events()):
            some = events()[self.sent : self.sent + (500 if self.is_back.is_set() else 10)]
            send(self.settings, some)
            self.sent += len(some)
            time.sleep(0.1)
        self.is_all_sent.set()

    def direct(self):
        try:
            self.refused = self.models("promote", "odd-baskets@2")
            wait_until(lambda: self.shadowed() >= LEAST_ORDERS, 60.0)
            self.switch(2, "promote", "odd-baskets@2")
            at_switch = self.pipeline.events
            wait_until(lambda: self.pipeline.events > at_switch + 50, 60.0)
            self.switch(1, "rollback", "odd-baskets")
            assert self.sent < len(events()), "the switches were to happen under load"
            self.is_back.set()
            self.is_all_sent.wait(120.0)
            wait_until(lambda: sum(committed(self.settings).values()) == len(events()), 60.0)
        finally:
            self.is_back.set()
            os.kill(os.getpid(), signal.SIGTERM)

    def shadowed(self):
        return json.loads(self.models("compare", "odd-baskets@2", "--json")[1])["orders"]

    def switch(self, version, *command):
        code, _, error = self.models(*command)
        began = time.monotonic()
        assert code == 0, error
        wait_until(lambda: self.pipeline.models["sklearn_detector"] == f"odd-baskets@{version}", 20.0)
        self.took[command] = time.monotonic() - began


def test_from_a_drift_to_a_new_champion_under_load_and_back(settings, models, tmp_path, monkeypatch):
    monkeypatch.setattr("stream.engine.control._REPORT_SECONDS", 1.0)
    table = features.compute(values(), settings, progress=False)
    hour = (table["time"].to_numpy() - table["time"].to_numpy()[0]) / np.timedelta64(1, "h")
    before, after = (table.filter(pa.array(part)) for part in (hour < 7.5, hour > 8.5))
    moved = {one.column: one.psi for one in drifts(before, after, COLUMNS)}
    assert moved["margin"] > 0.25

    registry = Registry.open(settings.models.registry)
    add_forest(registry, before, settings)
    assert models("promote", "odd-baskets@1")[0] == 0
    add_forest(registry, after, settings)
    loop = Loop(settings, models)
    loop.run()

    assert loop.refused[0] == 2
    assert "min_orders" in loop.refused[2]
    assert len(loop.took) == 2
    assert max(loop.took.values()) < SWITCH_SECONDS, loop.took
    assert loop.pipeline.events == len(events())
    rows = archived(settings, tmp_path / "features")
    ids = rows["event_id"].to_pylist()
    assert len(ids) == len(set(ids)) == table.num_rows
    serving = {json.loads(text)["sklearn_detector"] for text in set(rows["versions"].to_pylist())}
    assert serving == {"odd-baskets@1", "odd-baskets@2"}
    assert np.isfinite(rows["raw.odd-baskets@2"].to_numpy()).any()
    assert check(rows, values(), settings, progress=False).holds


def test_the_backtest_of_the_challenger_is_a_page_before_it_is_promoted(settings):
    registry = Registry.open(settings.models.registry)
    table = features.compute(values(), settings, progress=False)
    for _ in range(2):
        add_forest(registry, table.slice(0, 1500), settings)
    versions = [
        load(
            models={"registry": settings.models.registry},
            detectors={"sklearn_detector": {"on": True, "model": f"odd-baskets@{number}"}},
        )
        for number in (1, 2)
    ]
    period = Period(begin_ms=0)
    found = compare(*(backtest(values(), one, period=period) for one in versions), period, tuple(versions), [])
    assert [(one.old, one.new) for one in found.changes] == [("odd-baskets@1", "odd-baskets@2")]
    assert found.old.run.summary.events == found.new.run.summary.events == len(events())
    assert headline(found)
