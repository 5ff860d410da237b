"""The published schemas are those of the code, and the two sides of the contract keep to them."""

from __future__ import annotations

import json

import jsonschema
import msgspec
import pytest

from config.settings import load
from models.examples import created, delivered, encoded, paid, refunded, shipped, stock
from stream.pipeline import Pipeline
from stream.record import StoredRecord
from stream.schema import FOLDER, SHAPES, schema_text


@pytest.mark.parametrize("name", SHAPES)
def test_the_schema_file_is_current(name: str) -> None:
    assert (FOLDER / name).read_text() == schema_text(SHAPES[name], name), "run `make schema`"


@pytest.mark.parametrize(
    "event", [created(), paid(), shipped(), delivered(), refunded(), stock()], ids=lambda e: e["event_type"]
)
def test_every_kind_of_event_is_valid(event: dict[str, object]) -> None:
    jsonschema.validate(event, json.loads((FOLDER / "order_event.v1.json").read_text()))


def test_an_event_without_a_required_field_is_not_valid() -> None:
    event = created()
    del event["channel"]
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(event, json.loads((FOLDER / "order_event.v1.json").read_text()))


def test_an_alert_is_valid() -> None:
    pipeline = Pipeline(load(), partitions=1)
    outcome = pipeline.process(0, [StoredRecord(encoded(created(total_price="1.00")), b"o1", 0)], wait=False)
    (alert,) = outcome.alerts
    jsonschema.validate(msgspec.json.decode(alert.data), json.loads((FOLDER / "alert.v1.json").read_text()))
