"""Challengers score live orders without alerting, are compared with the champion, and a policy holds them to it."""

from __future__ import annotations

import asyncio
import json
import sys
from uuid import uuid4

import msgspec
import numpy as np
import pytest

from config.sections import PromotionPolicy
from config.settings import load
from models.package import ModelRefused
from stream.cli import main
from stream.control_topic import Announcement, key_of
from stream.model_registry.comparison import Labelled, check_policy, compared, unmet
from stream.model_registry.registry import Registry
from stream.model_registry.serving import challengers_of
from stream.pipeline import Pipeline
from stream.scored_rows import RAW, SCORE
from stream.shadow import ShadowReport
from stream.whole_topic import add
from tests.served_models import Worker, about, package, served_from
from tests.small_shop import log

NOTHING = dict.fromkeys(PromotionPolicy.model_fields)


@pytest.fixture
def registry(tmp_path):
    """A champion and one challenger."""
    registry = Registry.open(str(tmp_path / "models"))
    for seed in (1, 2):
        registry.add("baskets", package(seed), **about(load()))
    registry.promote("baskets", 1, author="ann")
    return registry


def in_shadow(registry, **more):
    worker = Worker(served_from(registry, **more))
    worker.hear(Announcement("baskets"))
    return worker


def read_all(pipeline):
    return [pipeline.process(number, records, wait=False) for number, records in enumerate(log())]


def alerts_of(outcomes):
    return [alert.data for outcome in outcomes for alert in outcome.alerts]


def test_a_challenger_scores_every_order_and_changes_no_alert(registry):
    with_shadow, without = in_shadow(registry).pipeline, Pipeline(served_from(registry))
    assert [shadow.challenger for shadow in with_shadow.shadows] == ["baskets@2"]
    assert alerts_of(read_all(with_shadow)) == alerts_of(read_all(without))
    [report] = [shadow.report() for shadow in with_shadow.shadows]
    assert 1000 < report.orders <= 1500
    assert report.champion_alerts > 0
    assert report.challenger_alerts > 0
    assert 0 < report.rank_correlation < 1
    assert min(report.champion_us, report.challenger_us) > 0
    state = with_shadow.get_state()
    assert not [name for name in state if "@" in name]


def test_a_copy_of_the_champion_agrees_with_it_in_everything(registry, tmp_path):
    twins = Registry.open(str(tmp_path / "twins"))
    for _ in range(2):
        twins.add("baskets", package(1), **about(load()))
    twins.promote("baskets", 1, author="ann")
    worker = in_shadow(twins)
    read_all(worker.pipeline)
    found = compared([one.report() for one in worker.pipeline.shadows], "baskets@1", "baskets@2")
    assert (found.agreement, found.rank_correlation) == (1.0, pytest.approx(1.0))
    assert found.champion_alerts == found.challenger_alerts == found.agreeing > 0
    labels = {"detector": "half_space_trees", "champion": "baskets@1", "challenger": "baskets@2"}
    assert worker.metrics.get_sample_value("orderwatch_shadow_agreement", labels) == 1.0


def test_a_challenger_leaves_its_scores_in_the_feature_log(registry):
    worker = in_shadow(registry, feature_log={"on": True})
    [rows] = worker.pipeline.process(0, log()[0], wait=False).scored
    assert {f"{RAW}half_space_trees", f"{RAW}baskets@2"} <= rows.raw.keys()
    assert f"{SCORE}baskets@2" in rows.scores
    assert np.isfinite(rows.raw[f"{RAW}baskets@2"]).any()


def test_who_scores_in_shadow_follows_the_registry(registry):
    worker = in_shadow(registry)
    registry.add("baskets", package(3), **about(load()))
    worker.hear(Announcement("baskets"))
    assert [shadow.challenger for shadow in worker.pipeline.shadows] == ["baskets@3"]
    number = registry.promote("baskets", 3, author="bob").number
    assert worker.hear(Announcement("baskets", number)) == "baskets@3"
    assert worker.pipeline.shadows == []
    assert challengers_of(registry, "baskets", 1) == []
    for seed in (4, 5):
        registry.add("baskets", package(seed), **about(load()))
    assert [challengers_of(registry, "baskets", most) for most in (0, 1, 2)] == [
        [],
        ["baskets@5"],
        ["baskets@4", "baskets@5"],
    ]


def test_a_challenger_that_fails_is_put_aside_and_the_champion_goes_on(registry, caplog):
    worker = in_shadow(registry)
    [shadow] = worker.pipeline.shadows

    def fails(_):
        raise ZeroDivisionError

    shadow.watches[0]._detector.score_learn = fails
    assert worker.pipeline.process(0, log()[0], wait=False).events > 0
    assert not shadow.is_well
    assert "baskets@2 fails in shadow and is put aside" in caplog.text


def test_reports_are_sent_once_a_change_under_the_name_of_their_run(registry):
    worker = in_shadow(registry)
    asyncio.run(worker.control.report())
    assert worker.sent == {}
    read_all(worker.pipeline)
    asyncio.run(worker.control.report())
    [(key, value)] = worker.sent.items()
    told = msgspec.json.decode(value, type=ShadowReport)
    assert key == key_of(told)
    worker.sent.clear()
    asyncio.run(worker.control.report())
    assert worker.sent == {}


def report(run="a", **more):
    known = {
        "detector": "half_space_trees", "champion": "baskets@1", "challenger": "baskets@2", "alert_score": 0.999,
        "orders": 1000, "champion_alerts": 4, "challenger_alerts": 6, "agreeing": 3, "rank_correlation": 0.5,
        "champion_us": 2.0, "challenger_us": 5.0,
    }  # fmt: skip
    return ShadowReport(run=run, **known | more)


def test_runs_are_summed_and_the_figures_follow():
    found = compared(
        [report(), report("b", orders=3000, challenger_us=1.0), report(champion="baskets@0")], "baskets@1", "baskets@2"
    )
    assert (found.orders, found.champion_alerts, found.challenger_alerts) == (4000, 8, 12)
    assert found.agreement == pytest.approx(6 / 14)
    assert found.alert_rate_ratio == pytest.approx(13 / 9)
    assert found.cost_ratio == pytest.approx(1.0)
    assert found.calibration(found.champion_alerts) == pytest.approx(2.0)
    assert compared([], "baskets@1", "baskets@2") is None


@pytest.mark.parametrize(
    ("demand", "limit", "met"),
    [
        ("min_orders", 1000, True), ("min_orders", 1001, False),
        ("min_agreement", 0.4, True), ("min_agreement", 0.5, False),
        ("max_alert_rate_ratio", 1.5, True), ("max_alert_rate_ratio", 1.2, False),
        ("max_cost_ratio", 3.0, True), ("max_cost_ratio", 2.0, False),
        ("max_precision_loss", 0.2, True), ("max_precision_loss", 0.05, False),
        ("max_recall_loss", 0.0, True), ("min_labelled", 8, True), ("min_labelled", 9, False),
    ],
)  # fmt: skip
def test_each_demand_of_the_policy_is_held_to(demand, limit, met):
    found = msgspec.structs.replace(
        compared([report()], "baskets@1", "baskets@2"), labelled=(Labelled(4, 8, 5), Labelled(4, 10, 5)), labels=8
    )
    missing = unmet(PromotionPolicy(**NOTHING | {demand: limit}), found)
    assert (demand not in missing) == met
    if not met:
        with pytest.raises(ModelRefused, match=f"does not meet models.promotion \\({demand}: it is"):
            check_policy("baskets@2", missing, ())
        check_policy("baskets@2", missing, (demand,))


def test_without_a_shadow_run_or_labels_a_demand_is_not_met():
    policy = PromotionPolicy(**NOTHING | {"min_orders": 10, "max_precision_loss": 0.1})
    assert set(unmet(policy, None)) == {"min_orders", "max_precision_loss"}
    assert unmet(policy, compared([report()], "baskets@1", "baskets@2")) == {
        "max_precision_loss": "no verdicts are known"
    }


@pytest.fixture
def run(monkeypatch, capsys, registry, settings, tmp_path):
    """Run `orderwatch models` on the test's Kafka, under a policy."""
    kafka = {"brokers": settings.kafka.brokers, "control_topic": f"control-{uuid4().hex[:8]}"}
    policy = {"min_orders": 1500, "max_cost_ratio": 2.0}
    config = tmp_path / "shop.yaml"
    document = {"kafka": kafka, "models": {"registry": registry.address, "promotion": policy}}
    config.write_text(json.dumps(document))

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["orderwatch", "models", *arguments, "--config", str(config)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return ended.value.code or 0, captured.out, captured.err

    call.kafka = settings.kafka.model_copy(update=kafka)
    return call


def tell(kafka, *reports):
    for one in reports:
        asyncio.run(add(kafka, kafka.control_topic, key_of(one), msgspec.json.encode(one)))


def test_the_command_compares_and_promotes_what_the_policy_allows_or_somebody_overrides_by_name(run, registry):
    code, _, err = run("promote", "baskets@2")
    assert (code, registry.standing("baskets").champion) == (2, 1)
    assert "min_orders: it has not run in shadow" in err
    tell(run.kafka, report(orders=500), report(orders=1000), report("b", orders=1000))
    code, out, _ = run("compare", "baskets@2", "--json")
    told = json.loads(out)
    assert (code, told["orders"]) == (0, 2000)
    assert list(told["unmet"]) == ["max_cost_ratio"]
    assert "µs an order" in run("compare", "baskets@2")[1]
    code, _, err = run("promote", "baskets@2")
    assert (code, "max_cost_ratio: it is 2.5, asked is 2" in err) == (2, True)
    assert run("promote", "baskets@2", "--override", "cost")[0] == 2
    code, out, _ = run("promote", "baskets@2", "--override", "max_cost_ratio", "--note", "worth it", "--json")
    assert (code, json.loads(out)["announced"]) == (0, True)
    assert registry.history("baskets")[-1].note == "worth it [overridden: max_cost_ratio]"
