"""Refused messages by who sent them: one alert a source that can be told, else one an error class."""

from __future__ import annotations

import msgspec

from config.settings import load
from models.examples import created, encoded
from stream.pipeline import Outcome, Pipeline
from stream.record import StoredRecord
from stream.replay import replay
from stream.simulator import SimulatorSettings, simulate
from stream.simulator.incidents import make

SETTINGS = load(kafka={"partitions": 1})


def refused(n: int, **fields: object) -> list[bytes]:
    """Orders whose first quantity is a word."""
    lines = [{"sku": "S1", "quantity": "two", "price": "1.00"}]
    return [encoded(created(f"o{i}", at=i, line_items=lines) | fields) for i in range(n)]


def fed(pipeline: Pipeline, values: list[bytes], offset: int = 0) -> Outcome:
    """What some messages lead to, after an honest order that sets the clock."""
    honest = [encoded(created(f"h{offset}", at=0))]
    records = [StoredRecord(value, b"", offset + i) for i, value in enumerate(honest + values)]
    return pipeline.process(0, records, wait=False)


def told(values: list[bytes]) -> list[dict[str, object]]:
    """Alerts on refused messages."""
    data = [msgspec.json.decode(alert.data)["data"] for alert in fed(Pipeline(SETTINGS), values).alerts]
    return [one for one in data if one["kind"] == "information.malformed"]


def test_a_source_that_is_named_is_told_with_the_error_behind_most_of_its_messages():
    (alert,) = told([*refused(5, source="erp"), *refused(2, source="pos")])
    assert alert["entity"] == {"type": "source", "key": "erp"}
    fault = "ValidationError at line_items.quantity"
    assert alert["segments"] == [{"dimension": "error", "value": fault, "share": 1.0, "baseline": 0.0}]
    assert "source erp, 5 times" in str(alert["summary"])


def test_without_a_source_it_is_told_by_error_class_as_is_one_that_may_be_a_person():
    for fields in ({}, {"source": "li.na@example.com"}, {"source": ["erp"]}, {"source": "13800138000"}):
        (alert,) = told(refused(5, **fields))
        assert alert["entity"] == {"type": "error", "key": "ValidationError"}
        assert "example" not in str(alert)


def test_the_source_of_a_cloud_event_is_the_envelope_s():
    event = msgspec.json.decode(refused(1)[0])
    envelope = {"specversion": "1.0", "id": "1", "type": "order", "source": "/shop/erp", "data": event}
    (alert,) = told([encoded(envelope)] * 5)
    assert alert["entity"] == {"type": "source", "key": "/shop/erp"}


def test_made_up_sources_fill_no_memory_and_are_told_by_error_class_then():
    values = [value for i in range(70) for value in refused(1, source=f"made-up-{i}")]
    (alert,) = told(values)
    assert (alert["entity"], alert["count"]) == ({"type": "error", "key": "ValidationError"}, 5)


def test_a_restored_pipeline_tells_the_same_sources_apart():
    first, second = Pipeline(SETTINGS), Pipeline(SETTINGS)
    fed(first, [value for i in range(64) for value in refused(1, source=f"made-up-{i}")])
    second.set_state(first.get_state())
    assert (
        [alert.data for alert in fed(second, refused(6, source="erp"), 100).alerts]
        == [alert.data for alert in fed(first, refused(6, source="erp"), 100).alerts]
        != []
    )


def test_the_scenario_of_a_sender_that_breaks_its_messages_names_it():
    incident = make("malformed", after_seconds=600.0, duration_seconds=1200.0, source="erp")
    run = simulate(SimulatorSettings(seed=5, duration_seconds=2400.0, products=100, incidents=(incident,)))
    alerts: list[dict[str, object]] = []
    replay([event.value for event in run], SETTINGS, on_alert=lambda one: alerts.append(msgspec.json.decode(one.data)))
    entities = [one["data"]["entity"] for one in alerts if one["data"]["kind"] == "information.malformed"]
    assert {"type": "source", "key": "erp"} in entities
