"""The incident that this project began with: 387 stacked orders in two hours, among a shop's normal traffic."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import msgspec

import config
from config.promotions import PromotionRegister
from config.settings import load
from stream.replay import replay
from stream.simulator import SimulatorSettings, promotions_of, simulate
from stream.simulator.incidents import make

HOUR = 3600.0
DEMO = Path(config.__file__).with_name("demo.yaml")


@cache
def promotion_alerts(*, stacked: bool) -> tuple[list[dict[str, Any]], list[str]]:
    """Alerts of the promotion family in half a day of a shop, and the ids of its stacked orders."""
    incident = make("promotion_stacking", after_seconds=9 * HOUR, duration_seconds=2 * HOUR, orders=387)
    scenario = SimulatorSettings(
        seed=5,
        duration_seconds=12 * HOUR,
        orders_per_second=0.14,
        latency_scale=1 / 240,
        products=300,
        incidents=(incident,) if stacked else (),
    )
    run = simulate(scenario)
    lines = [event.value for event in run]
    register = PromotionRegister.parse(promotions_of(scenario))
    alerts: list[dict[str, Any]] = []
    replay(lines, load(DEMO), register, on_alert=lambda alert: alerts.append(msgspec.json.decode(alert.data)["data"]))
    ids = [order for label in run.labels for order in label.order_ids]
    return [alert for alert in alerts if alert["kind"].startswith("promotion.")], ids


def test_the_first_critical_alert_comes_by_the_fifth_stacked_order() -> None:
    alerts, stacked = promotion_alerts(stacked=True)
    assert len(stacked) == 387
    assert alerts[0]["severity"] == "critical"
    assert alerts[0]["entity"] == {"type": "promotion_pair", "key": "P1+P2"}
    assert set(alerts[0]["order_ids"]) <= set(stacked[:5])


def test_the_whole_incident_is_at_most_three_notifications() -> None:
    alerts, _ = promotion_alerts(stacked=True)
    assert 1 <= len(alerts) <= 3
    assert {alert["kind"] for alert in alerts} == {"promotion.exclusive_pair"}


def test_the_stale_client_of_the_app_is_named_and_the_loss_is_counted() -> None:
    alerts, _ = promotion_alerts(stacked=True)
    top = [(one["dimension"], one["value"]) for one in alerts[-1]["segments"][:2]]
    assert top == [("channel", "app"), ("client_version", "8.3")]
    assert float(alerts[-1]["impact"]["loss"]) > 0


def test_the_same_shop_without_the_incident_raises_no_promotion_alert() -> None:
    assert promotion_alerts(stacked=False)[0] == []
