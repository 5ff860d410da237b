"""Events that reach the log late: by channel over all partitions, by the system that sends them."""

from __future__ import annotations

import random

import msgspec
import pytest

from config.settings import load
from models.examples import created, delivered, encoded
from stream.pipeline import Pipeline
from stream.record import StoredRecord
from tests.parts.same_state import differences
from tests.small_shop import default_settings, log

PARTITIONS = 4


def told(events, partitions=PARTITIONS):
    """What fires about late events, dealt out to the partitions one after another."""
    settings = load(kafka={"partitions": partitions})
    pipeline = Pipeline(settings)
    for partition in range(partitions):
        mine = list(events)[partition::partitions]
        records = [StoredRecord(encoded(event), b"", offset) for offset, event in enumerate(mine)]
        pipeline.process(partition, records, more=True)
    data = [msgspec.json.decode(alert.data)["data"] for alert in pipeline.finish().alerts]
    found = [one for one in data if one["kind"] == "system.late_events" and one["status"] == "firing"]
    return [(one["entity"]["type"], one["entity"]["key"]) for one in found]


def orders(n, *, late_from=10**9, lag_seconds=600):
    """Every third is of a channel whose orders are late from one on."""
    for i in range(n):
        channel = "tmall" if i % 3 == 0 else "app"
        at = 10.0 * i - (lag_seconds if channel == "tmall" and i >= late_from else 0)
        yield created(f"o{i}", at=at, channel=channel, customer_id=f"c{i}")


def test_a_dozen_late_orders_of_a_quiet_channel_are_found_although_no_partition_has_four_of_them():
    assert told([*orders(936, late_from=900)]) == [("channel", "tmall")]


@pytest.mark.parametrize(("late_from", "lag_seconds"), [(10**9, 600), (900, 40), (921, 600)])
def test_orders_in_time_and_a_few_stragglers_are_nothing(late_from, lag_seconds):
    assert told([*orders(936, late_from=late_from, lag_seconds=lag_seconds)]) == []


def deliveries(n, *, late_from):
    for i in range(n):
        yield created(f"o{i}", at=10.0 * i, customer_id=f"c{i}")
        at = 10.0 * i + 5 - (600 if i >= late_from else 0)
        yield delivered(f"o{i}", at=at)


@pytest.mark.parametrize(("late_from", "alerts"), [(10**9, []), (1_250, [("event_type", "order.delivered")])])
def test_a_system_whose_events_come_late_is_named(late_from, alerts):
    assert told([*deliveries(1_300, late_from=late_from)], partitions=1) == alerts


def delayed(records, draw):
    """One record in twenty comes half an hour late or later."""
    late = {at: at + draw.randint(200, 400) for at in range(len(records)) if draw.random() < 0.05}
    order = sorted(range(len(records)), key=lambda at: late.get(at, at))
    return [StoredRecord(records[at].value, records[at].key, offset) for offset, at in enumerate(order)]


def state_after(parts, seed):
    """What a pipeline knows once it has read the partitions, in pieces and an order that the seed decides."""
    draw, pipeline = random.Random(seed), Pipeline(default_settings(), partitions=len(parts))
    position = [0] * len(parts)
    while unread := [number for number, part in enumerate(parts) if position[number] < len(part)]:
        partition = draw.choice(unread)
        piece = parts[partition][position[partition] : position[partition] + draw.randint(1, 100)]
        position[partition] += len(piece)
        pipeline.process(partition, piece)
    pipeline.finish()
    return pipeline.get_state()


def test_who_is_read_first_changes_nothing_that_late_events_leave_behind():
    draw = random.Random(5)
    parts = [delayed(part, draw) for part in log()]
    expected = state_after(parts, 0)
    assert all(not differences(expected, state_after(parts, seed)) for seed in (1, 2))
