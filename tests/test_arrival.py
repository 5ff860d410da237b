"""When events come into the log, against when they happened: slow sources and fast clocks."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import msgspec
import pytest

from config.settings import load
from stream.pipeline import Pipeline
from stream.record import StoredRecord
from stream.simulator import SimulatorSettings, simulate
from stream.simulator.incidents import make

HOUR = 3_600.0
NETWORK_MS = 300
SCENARIO = SimulatorSettings(
    seed=5,
    duration_seconds=4 * HOUR,
    orders_per_second=0.2,
    season_strength=0.0,
    latency_scale=1 / 240,
    products=100,
    incidents=(make("late_system", after_seconds=2.5 * HOUR, duration_seconds=HOUR),),
)


@cache
def records(*, knows_arrival: bool = True) -> list[StoredRecord]:
    """The shop's log; its incident tells deliveries ten minutes late."""
    return [
        StoredRecord(event.value, event.key.encode(), n, event.time_ms + NETWORK_MS if knows_arrival else -1)
        for n, event in enumerate(simulate(SCENARIO))
    ]


@cache
def told(batch: int, *, knows_arrival: bool = True) -> list[dict[str, Any]]:
    """Alerts about sources, of batches of so many records."""
    pipeline, log = Pipeline(load(), partitions=1), records(knows_arrival=knows_arrival)
    alerts = [pipeline.process(0, log[i : i + batch], wait=False).alerts for i in range(0, len(log), batch)]
    events = [msgspec.json.decode(alert.data) for each in alerts for alert in each]
    return [event["data"] | {"id": event["id"]} for event in events if event["data"]["entity"]["type"] == "source"]


def test_a_system_whose_events_come_in_late_is_told_by_its_name_and_nobody_else_is() -> None:
    alert, *updates = told(1000)
    assert {(one["kind"], one["entity"]["key"]) for one in (alert, *updates)} == {
        ("latency.ingestion_lag", "order.delivered")
    }
    assert alert["reasons"][0]["value"] == pytest.approx(600.3)
    assert alert["reasons"][0]["expected"] == "<= 30"
    assert "T18:30" < alert["startsAt"][10:] < "T18:50"


def test_where_the_log_is_cut_changes_nothing() -> None:
    assert told(1000) == told(137)


def test_a_log_that_does_not_know_when_its_events_came_is_silent() -> None:
    assert told(1000, knows_arrival=False) == []


def test_a_clock_that_runs_ahead_is_told_and_not_at_the_events_of_the_others() -> None:
    clock = make("fast_clock", after_seconds=0.0, duration_seconds=HOUR)
    run = simulate(replace(SCENARIO, duration_seconds=HOUR, incidents=(clock,)))
    log = [StoredRecord(one.value, one.key.encode(), n, one.time_ms + NETWORK_MS) for n, one in enumerate(run)]
    alerts = Pipeline(load(), partitions=1).process(0, log, wait=False).alerts
    told = [msgspec.json.decode(alert.data)["data"] for alert in alerts if alert.kind == "latency.clock_ahead"]
    assert [alert["entity"]["key"] for alert in told[:1]] == ["order.paid"]
    assert {alert["entity"]["key"] for alert in told} == {"order.paid"}
    assert (told[0]["reasons"][0]["value"], told[0]["reasons"][0]["expected"]) == (119.7, "<= 30")
