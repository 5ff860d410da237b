"""What is counted across orders does not depend on how many partitions the log has."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import msgspec
import pytest

import config
from config.promotions import PromotionRegister
from config.settings import load
from stream.replay import replay
from stream.simulator import SimulatorSettings, promotions_of, simulate
from stream.simulator.incidents import make

HOUR = 3600.0
DEMO = Path(config.__file__).with_name("demo.yaml")
# prices and the oddness of an order are scored where the order is: each partition knows its own sample of them
ACROSS = ("volume.", "duplicate.", "missing.", "inventory.", "promotion.")


@cache
def alerts_of(partitions: int) -> list[tuple[Any, ...]]:
    """What a day and a half of a troubled shop leads to, read from a log of so many partitions."""
    scenario = SimulatorSettings(
        seed=5,
        duration_seconds=34 * HOUR,
        orders_per_second=0.06,
        latency_scale=1 / 240,
        products=300,
        incidents=(
            make("promotion_stacking", after_seconds=6 * HOUR, duration_seconds=1 * HOUR, orders=90),
            make("duplicate_submission", after_seconds=8 * HOUR),
            make("flash_surge", after_seconds=28 * HOUR),
            make("total_gap", after_seconds=31 * HOUR),
        ),
    )
    told: list[dict[str, Any]] = []
    replay(
        [event.value for event in simulate(scenario)],
        load(DEMO, kafka={"partitions": partitions}),
        PromotionRegister.parse(promotions_of(scenario)),
        on_alert=lambda alert: told.append(msgspec.json.decode(alert.data)["data"]),
    )
    return sorted(
        (each["kind"], each["entity"]["key"], each["status"], each["count"], sorted(each["order_ids"]))
        for each in told
        if each["kind"].startswith(ACROSS)
    )


def test_there_is_something_to_compare() -> None:
    kinds = {alert[0] for alert in alerts_of(1)}
    assert {"promotion.exclusive_pair", "duplicate.order"} <= kinds
    assert any(kind.startswith("volume.") for kind in kinds), kinds


@pytest.mark.parametrize("partitions", [4, 12])
def test_what_is_counted_across_orders_is_the_same(partitions: int) -> None:
    assert alerts_of(partitions) == alerts_of(1)
