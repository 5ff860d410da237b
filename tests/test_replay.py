"""A replay is the stream: the same alerts in process, in other batches, and through a broker and a worker."""

from __future__ import annotations

import asyncio

import pytest

from config.promotions import PromotionRegister
from config.settings import load
from stream.alert import Alert
from stream.engine.worker import run_worker
from stream.kafka_replay import replay_via_kafka
from stream.pipeline import Pipeline
from stream.produce import produce
from stream.replay import replay
from stream.simulator import SimulatorSettings, promotions_of, simulate
from stream.simulator.incidents import make

SHOP = SimulatorSettings(
    duration_seconds=7_200.0,
    orders_per_second=0.3,
    incidents=(
        make("promotion_stacking", after_seconds=3_600.0, duration_seconds=1_800.0, orders=60),
        make("malformed", after_seconds=1_800.0, duration_seconds=600.0),
        make("duplicate_submission", after_seconds=5_400.0, duration_seconds=1_200.0),
    ),
)


@pytest.fixture(scope="module")
def lines():
    return [event.value for event in simulate(SHOP)]


@pytest.fixture(scope="module")
def register():
    return PromotionRegister.parse(promotions_of(SHOP))


def replayed(run, lines, register, **overrides):
    found = []
    summary = run(lines, load(**overrides), register, found.append)
    return summary, found


@pytest.fixture(scope="module")
def in_process(lines, register):
    return replayed(replay, lines, register)


def test_every_line_is_counted_once_and_incidents_are_found(in_process, lines):
    summary, found = in_process
    assert summary.events + summary.invalid == len(lines)
    assert summary.invalid > 0
    assert summary.transitions == len(found)
    assert 0 < summary.alerts == sum(summary.alerts_by_kind.values()) <= len(found)
    assert {alert.kind.partition(".")[0] for alert in found} >= {"promotion", "duplicate"}


def test_alerts_are_the_same_whatever_the_batches(in_process, lines, register):
    _, cut = replayed(replay, lines, register, kafka={"max_poll_records": 37})
    assert cut == in_process[1]


def test_a_second_replay_gives_the_same_bytes(in_process, lines, register):
    assert replayed(replay, lines, register)[1] == in_process[1]


def test_alerts_through_a_broker_and_a_worker_are_the_same(in_process, lines, register):
    summary, live = replayed(replay_via_kafka, lines, register)
    assert {alert.id for alert in live} == {alert.id for alert in in_process[1]}
    assert (summary.events, summary.invalid) == (in_process[0].events, in_process[0].invalid)


def test_alerts_of_a_worker_on_other_servers_are_the_same(in_process, settings, lines, register):
    asyncio.run(produce(lines, settings))
    live: list[Alert] = []
    summary = run_worker(settings, Pipeline(settings, promotions=register), until_caught_up=True, on_alert=live.append)
    assert {alert.id for alert in live} == {alert.id for alert in in_process[1]}
    assert (summary.events, summary.dead_letters) == (in_process[0].events, in_process[0].invalid)
