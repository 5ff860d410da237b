"""Things that should have one holder: codes and tracking numbers, whichever partitions their uses lie in."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import pytest

from config.settings import load
from models.examples import created, encoded, line, shipped
from stream.pipeline import Pipeline
from stream.record import StoredRecord

Event = dict[str, Any]


def fed(pipeline: Pipeline, events: list[Event], partitions: int, *, start: int = 0) -> list[Event]:
    """What is told of events, the orders of which go round the partitions."""
    alerts = []
    for n, event in enumerate(events, start):
        record = StoredRecord(encoded(event), event["order_id"].encode(), n)
        alerts += pipeline.process(int(event["order_id"][1:]) % partitions, [record]).alerts
    return [msgspec.json.decode(alert.data)["data"] for alert in alerts]


def told(kind: str, events: list[Event], partitions: int) -> list[Event]:
    """Alerts of a kind."""
    pipeline = Pipeline(load(), partitions=partitions)
    alerts = fed(pipeline, events, partitions)
    alerts += [msgspec.json.decode(alert.data)["data"] for alert in pipeline.finish().alerts]
    return [alert for alert in alerts if alert["kind"] == kind and alert["status"] == "firing"]


def used(n: int, code: str, customer: str = "") -> Event:
    """Order number n, 30 s after the one before, of a customer of its own, with a code of P1."""
    return created(
        f"o{n}",
        at=100.0 + 30.0 * n,
        customer_id=customer or f"c{n}",
        line_items=[line(sku=f"S{n}", product_id=f"P{n % 7}")],
        discounts=[{"promotion_id": "P1", "code": code, "amount": "10.00"}],
        total_price="100.00",
    )


def single_use(count: int) -> list[Event]:
    return [used(n, f"single-{n}") for n in range(count)]


def leaked(customers: int, start: int = 60) -> list[Event]:
    return [used(start + n, "LEAK") for n in range(customers)]


@pytest.mark.parametrize("partitions", [1, 4])
def test_a_code_that_goes_round_is_told_with_its_orders_and_without_the_code(partitions: int) -> None:
    [alert] = told("promotion.shared_code", [*single_use(60), *leaked(9)], partitions)
    assert alert["entity"]["type"] == "promotion_code"
    assert alert["entity"]["key"].startswith("P1/")
    assert alert["order_ids"] == ["o64"]
    assert alert["impact"] == {"currency": "CNY", "loss": "10.00"} | {
        "loss_per_minute": alert["impact"]["loss_per_minute"]
    }
    assert "LEAK" not in msgspec.json.encode(alert).decode()
    [reason] = alert["reasons"]
    assert (reason["feature"], reason["value"], reason["expected"]) == ("shared_code", 5.0, "<= 4")


@pytest.mark.parametrize(
    "quiet",
    [
        [*single_use(60), *leaked(4)],
        [used(n, "PUBLIC") for n in range(120)],
        [*single_use(60), *(used(60 + n, "MINE", customer="one") for n in range(9))],
        [*single_use(20), *leaked(9, start=20)],
        [used(n, "") for n in range(120)],
    ],
    ids=["a family", "a code for everybody", "one customer's", "a promotion hardly known", "no codes"],
)
def test_what_is_no_leak_is_not_told(quiet: list[Event]) -> None:
    assert not told("promotion.shared_code", quiet, 4)


def parcels(count: int, number: str = "SF12345", *, order: int | None = None) -> list[Event]:
    """Hand-overs under one number, of orders in turn or all of one order."""
    return [
        shipped(f"o{n if order is None else order}", at=100.0 + 60.0 * n, event_id=f"e{n}", tracking_number=number)
        for n in range(count)
    ]


@pytest.mark.parametrize("partitions", [1, 4, 12])
def test_a_tracking_number_of_several_orders_is_told_though_they_lie_in_different_partitions(partitions: int) -> None:
    [alert] = told("logistics.tracking_reused", parcels(4), partitions)
    assert alert["entity"] == {"type": "carrier", "key": "SF"}
    assert alert["order_ids"] == ["o1", "o2"]
    assert (alert["reasons"][0]["value"], alert["reasons"][0]["expected"]) == (2.0, "<= 1")


def test_an_order_handed_over_again_and_numbers_of_their_own_are_quiet() -> None:
    own = [event for n in range(9) for event in parcels(1, f"SF1234{n}", order=n)]
    assert not told("logistics.tracking_reused", [*parcels(5, order=3), *own], 4)


def test_it_goes_on_from_its_state_though_uses_still_wait_to_be_merged() -> None:
    events = [*single_use(60), *leaked(9)]
    whole, first, second = (Pipeline(load(), partitions=4) for _ in range(3))
    before = fed(first, events[:63], 4)
    state = first.get_state()
    assert any("waiting" in name for name in state)
    second.set_state({name: np.array(array) for name, array in state.items()})
    after = fed(second, events[63:], 4, start=63)
    assert before + after == fed(whole, events, 4)
    assert any(alert["kind"] == "promotion.shared_code" for alert in after)
