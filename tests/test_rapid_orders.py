"""One customer who orders faster than a person would, whichever partitions the orders lie in."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from config.settings import load
from models.examples import created, encoded, line
from stream.pipeline import Pipeline
from stream.record import StoredRecord

GAP_SECONDS = load().rules["rapid_orders"].params["gap_seconds"]


def bursts(events: list[dict[str, Any]], partitions: int) -> list[dict[str, Any]]:
    """Alerts on one customer's many orders; the orders go round the partitions."""
    pipeline = Pipeline(load(), partitions=partitions)
    alerts = []
    for n, event in enumerate(events):
        record = StoredRecord(encoded(event), event["order_id"].encode(), n // partitions)
        alerts += pipeline.process(n % partitions, [record]).alerts
    alerts += pipeline.finish().alerts
    told = [msgspec.json.decode(alert.data)["data"] for alert in alerts]
    return [each for each in told if each["kind"] == "behaviour.customer_burst"]


def orders(count: int, every_seconds: float, customer: str = "bot") -> list[dict[str, Any]]:
    """Orders of one customer, each of another product."""
    return [
        created(
            f"o{n}",
            at=1_000 + n * every_seconds,
            customer_id=customer,
            line_items=[line(sku=f"S{n}", product_id=f"P{n}")],
        )
        for n in range(count)
    ]


@pytest.mark.parametrize("partitions", [1, 4])
def test_the_tenth_order_in_a_row_is_told_at_once_and_names_the_customer(partitions: int) -> None:
    [first, *_] = bursts(orders(12, every_seconds=5.0), partitions)
    assert first["entity"] == {"type": "customer", "key": "bot"}
    assert first["order_ids"][-1] == "o9"
    [reason] = first["reasons"]
    assert (reason["feature"], reason["value"], reason["expected"]) == ("rapid_orders", 10.0, "<= 9")


@pytest.mark.parametrize(
    "quiet",
    [
        orders(9, every_seconds=5.0),
        orders(40, every_seconds=GAP_SECONDS + 1.0),
        [*orders(9, every_seconds=5.0), *[created(f"late{n}", at=5_000.0 + n, customer_id="bot") for n in range(2)]],
    ],
    ids=["fewer", "slower", "two runs"],
)
def test_fewer_or_slower_orders_are_no_burst(quiet: list[dict[str, Any]]) -> None:
    assert not bursts(quiet, 4)
