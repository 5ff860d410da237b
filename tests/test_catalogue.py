"""The catalogue: each kind of alert is answered and has a scenario, which is caught; an honest shop is quiet."""

from __future__ import annotations

from collections import Counter
from functools import cache
from pathlib import Path

import msgspec
import pytest

import config
from config.policy import Policy
from config.promotions import PromotionRegister
from config.settings import load
from stream.catalogue import catalogue
from stream.replay import replay
from stream.simulator import Label, SimulatorSettings, promotions_of, score_run, simulate
from stream.simulator.incidents import known, make

HOUR = 3600.0
DEMO = Path(config.__file__).with_name("demo.yaml")
ENTRIES = {entry.kind: entry for entry in catalogue(load(), Policy.load())}


@pytest.mark.parametrize("kind", ENTRIES)
def test_every_kind_that_a_part_can_raise_is_answered_and_has_a_scenario(kind):
    entry = ENTRIES[kind]
    assert entry.parts
    assert entry.owner
    assert entry.respond_within_minutes > 0
    assert entry.recommended_action.endswith(".")
    assert entry.scenarios, f"no incident of the simulator names {kind} among its kinds"


def test_a_kind_names_the_parts_that_raise_it_and_whether_they_are_on():
    assert [(part.name, part.on) for part in ENTRIES["volume.surge"].parts if part.name == "seller_orders"] == [
        ("seller_orders", False)
    ]
    assert [part.name for part in ENTRIES["promotion.exclusive_pair"].parts] == ["exclusive_promotions"]
    assert [part.name for part in ENTRIES["information.malformed"].parts] == ["malformed"]


def test_the_answers_are_those_of_the_policy(tmp_path):
    path = tmp_path / "policy.yaml"
    path.write_text("price.second_list: {severity: critical, owner: pricing, respond_within_minutes: 3}")
    entries = {entry.kind: entry for entry in catalogue(load(), Policy.load(path))}
    changed = entries["price.second_list"]
    assert (changed.severity, changed.owner, changed.respond_within_minutes) == ("critical", "pricing", 3)


@cache
def played(*incidents: tuple[str, float]) -> tuple[list[dict], tuple[Label, ...]]:
    """Alerts and labels of eight hours of a shop in one partition, with incidents from given hours on."""
    scenario = SimulatorSettings(
        seed=5,
        duration_seconds=8 * HOUR,
        orders_per_second=0.14,
        season_strength=0.0,
        latency_scale=1 / 240,
        promise_sigmas=3.0,
        products=100,
        customers=60_000,
        incidents=tuple(make(name, after_seconds=hour * HOUR) for name, hour in incidents),
    )
    run = simulate(scenario)
    lines = [event.value for event in run]
    settings = load(DEMO)
    settings = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"partitions": 1})})
    alerts: list[dict] = []
    register = PromotionRegister.parse(promotions_of(scenario))
    replay(lines, settings, register, on_alert=lambda alert: alerts.append(msgspec.json.decode(alert.data)))
    return [alert for alert in alerts if alert["data"]["status"] == "firing"], tuple(run.labels)


SPOILT = (("wrong_totals", 3.0), ("promotion_misuse", 3.5), ("lost_parcels", 4.0), ("broken_process", 3.0),
          ("unreviewed", 5.5), ("wrong_parcels", 5.0))  # fmt: skip
DRIFTS = (("field_dropped", 3.0), ("second_price_list", 5.5), ("new_pair", 7.0))
MARGIN = (("margin_squeeze", 4.0), ("odd_customers", 6.5), ("late_channel", 3.0), ("late_system", 5.0),
          ("leaked_code", 7.0))  # fmt: skip
SHOWN = {
    SPOILT: {
        "price.total_mismatch", "price.total_not_positive", "price.below_floor", "information.unknown_currency",
        "promotion.depth_over_cap", "promotion.stale_client", "promotion.outside_period", "promotion.applied_twice",
        "logistics.tracking_malformed", "logistics.tracking_reused", "logistics.delivered_without_shipped",
        "logistics.hand_over_overdue", "process.illegal_transition", "process.stage_skipped",
        "process.approval_overdue", "process.approved_by_nobody", "latency.clock_skew",
        "process.shipped_unpaid", "logistics.shipped_quantity", "logistics.shipped_items",
        "payment.refund_over_paid",
    },
    DRIFTS: {"information.null_rate", "price.second_list", "promotion.new_pair"},
    MARGIN: {"price.margin_falling", "behaviour.quantity_over_cap", "behaviour.basket_outlier",
             "system.late_events", "promotion.shared_code"},
}  # fmt: skip


@pytest.mark.parametrize(("incidents", "kind"), [(run, kind) for run, kinds in SHOWN.items() for kind in sorted(kinds)])
def test_the_scenario_of_a_kind_raises_it(incidents, kind):
    assert kind in {alert["data"]["kind"] for alert in played(*incidents)[0]}


@pytest.mark.parametrize("incidents", SHOWN)
def test_every_incident_is_caught_by_its_family(incidents):
    alerts, labels = played(*incidents)
    card = score_run(labels, alerts)
    assert [finding.label.kinds for finding in card.findings if not finding.caught] == []


def test_an_honest_shop_raises_none_of_them():
    new = set().union(*SHOWN.values()) - {"logistics.hand_over_overdue"}  # a warehouse's tail is honestly long
    raised = Counter(alert["data"]["kind"] for alert in played()[0])
    assert raised.keys() & new == set()


def test_a_second_price_list_is_one_alert_and_not_one_a_product():
    alerts, labels = played(*DRIFTS)
    hit = next(label for label in labels if label.incident == "second_price_list")
    (told,) = [alert["data"] for alert in alerts if alert["data"]["kind"] == "price.second_list"][:1]
    assert told["entity"] == {"type": "channel", "key": "web"}
    others = [alert for alert in alerts if alert["data"]["kind"] in {"price.outlier", "price.below_cost"}]
    assert len(others) < len(hit.order_ids) / 10


def test_every_scenario_can_be_made_by_name_for_any_hour():
    assert all(make(name, after_seconds=0.0).kinds for name in known())


def test_products_that_are_made_up_are_one_alert_where_memory_is_short():
    incident = make("made_up_products", after_seconds=0.5 * HOUR)
    scenario = SimulatorSettings(seed=5, duration_seconds=HOUR, products=100, incidents=(incident,))
    settings, told = load(state={"max_products": 1_000}, kafka={"partitions": 1}), []
    replay([event.value for event in simulate(scenario)], settings, on_alert=told.append)
    (flood,) = [msgspec.json.decode(one.data)["data"] for one in told if one.kind == "system.key_flood"]
    assert flood["entity"] == {"type": "key_space", "key": "product"}


def test_volume_parts_that_need_a_day_of_warm_up_find_their_scenarios():
    begins = {"promotion_farm": 25.0, "default_region": 25.2, "silent_system": 26.0}
    incidents = tuple(make(name, after_seconds=hour * HOUR) for name, hour in begins.items())
    scenario = SimulatorSettings(
        seed=5, duration_seconds=27 * HOUR, orders_per_second=0.1, latency_scale=1 / 2_000, products=100,
        season_strength=0.0, incidents=incidents,
    )  # fmt: skip
    run = simulate(scenario)
    kinds: Counter[str] = Counter()
    register = PromotionRegister.parse(promotions_of(scenario))
    replay([event.value for event in run], load(DEMO), register, on_alert=lambda alert: kinds.update([alert.kind]))
    assert kinds.keys() >= {
        "promotion.customer_burst", "behaviour.customer_burst", "information.category_mix", "system.source_silent",
    }  # fmt: skip
