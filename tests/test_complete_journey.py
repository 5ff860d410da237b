"""The grocer's baskets as events: what the shelf asked for, what was taken off, and what was paid add up."""

from __future__ import annotations

import os
from collections import Counter
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest

from features.event import decode_event
from stream.importers import complete_journey
from stream.importers.source import Unreadable

DATA = Path(os.environ.get("ORDERWATCH_DATA", Path(__file__).parent.parent.parent / "shared" / "data"))
FILE = DATA / "completejourney_baskets_to_2017_06.jsonl.gz"

BASKET = {
    "order_id": 31,
    "customer_id": 7,
    "store_id": 410,
    "ts": "2017-01-06T00:46:37",
    "lines": [
        [100, 3, 10.00, 3.77, 0.00, 0.00],
        [200, 1, 3.50, 0.49, 1.00, 0.50],
        [300, 0, 1.00, 0.00, 0.00, 0.00],
        [400, 1, 0.00, 0.00, 0.00, 0.00],
    ],
}


def imported(path, *baskets):
    path.write_bytes(b"\n".join(map(msgspec.json.encode, baskets)))
    counts = Counter()
    return list(complete_journey.events(path, counts)), counts


def adds_up(event):
    goods = sum(Decimal(line.price) * line.quantity for line in event.line_items)
    return goods - sum(Decimal(discount.amount) for discount in event.discounts) == Decimal(event.total_price)


def test_a_basket_is_what_the_shelf_asked_for_less_what_was_taken_off(tmp_path):
    (event,), counts = imported(tmp_path / "baskets.jsonl", BASKET)
    assert event["total_price"] == "12.50"  # received, less the coupon
    assert {one["promotion_id"]: one["amount"] for one in event["discounts"]} == {
        "card": "4.26",
        "coupon": "1.00",
        "coupon_match": "0.50",
    }
    assert adds_up(decode_event(msgspec.json.encode(event)))
    assert counts == {"baskets": 1, "lines_without_sale": 2, "events": 1}


def test_cents_that_do_not_divide_stand_on_a_line_of_their_own(tmp_path):
    (event,), _ = imported(tmp_path / "baskets.jsonl", BASKET)
    lines = [(line["sku"], line["quantity"], line["price"]) for line in event["line_items"]]
    assert lines == [("100", 3, "4.59"), ("200", 1, "4.49")]
    uneven = BASKET | {"lines": [[100, 3, 10.00, 0.00, 0.00, 0.00]]}
    (event,), _ = imported(tmp_path / "baskets.jsonl", uneven)
    assert [(line["quantity"], line["price"]) for line in event["line_items"]] == [(2, "3.33"), (1, "3.34")]


def test_times_are_of_new_york(tmp_path):
    (event,), _ = imported(tmp_path / "baskets.jsonl", BASKET)
    assert event["occurred_at"] == "2017-01-06T05:46:37Z"


def test_a_basket_without_a_sale_is_left_out_and_counted(tmp_path):
    events, counts = imported(tmp_path / "baskets.jsonl", BASKET | {"lines": BASKET["lines"][2:]})
    assert events == []
    assert counts["baskets_without_sale"] == 1


def test_another_record_is_refused_by_line(tmp_path):
    with pytest.raises(Unreadable, match="line 2: "):
        imported(tmp_path / "baskets.jsonl", BASKET, BASKET | {"store_id": "here"})


@pytest.mark.skipif(not FILE.exists(), reason=f"needs {FILE.name} in $ORDERWATCH_DATA")
def test_every_real_basket_adds_up_and_they_stand_in_order():
    events = [decode_event(msgspec.json.encode(event)) for event in complete_journey.events(FILE)]
    assert len(events) > 4_500
    assert all(map(adds_up, events))
    assert events == sorted(events, key=lambda event: event.occurred_at)
