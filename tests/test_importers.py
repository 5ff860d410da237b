from __future__ import annotations

import gzip
import os
from collections import Counter
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import msgspec
import pytest

from features.event import OrderCreated, decode_event
from stream.importers import olist, uci
from stream.importers.source import LocalClock, Unreadable

DATA = Path(os.environ.get("ORDERWATCH_DATA", Path(__file__).parent.parent.parent / "shared" / "data"))


def public(name):
    if not (path := DATA / name).exists():
        pytest.skip(f"no {path}: set ORDERWATCH_DATA to the folder of the public data sets")
    return path


def checked(events):
    """The same events, each one decoded by the contract's types on the way."""
    return [(event, decode_event(msgspec.json.encode(event))) for event in events]


def written(path, *records):
    lines = b"\n".join(msgspec.json.encode(record) for record in records) + b"\n"
    path.write_bytes(gzip.compress(lines) if path.suffix == ".gz" else lines)
    return path


LATER = ("approved", "delivered_carrier", "delivered_customer")


def olist_item(product, seller, state, price, freight):
    return {
        "product_id": product,
        "seller_id": seller,
        "seller_state": state,
        "price": price,
        "freight_value": freight,
    }


def olist_order(number="o1", **changes):
    return {
        "order_id": number,
        "customer_id": "c1",
        "customer_city": "niteroi",
        "customer_state": "RJ",
        "customer_zip_prefix": "24020",
        "status": "delivered",
        "purchase": "2017-11-24T00:30:00",
        "approved": "2017-11-24T00:45:00",
        "delivered_carrier": "2017-11-27T10:00:00",
        "delivered_customer": "2017-12-06T10:00:00",
        "estimated_delivery": "2017-12-20T00:00:00",
        "items": [
            olist_item("p1", "s1", "SP", 39.99, 8.29),
            olist_item("p1", "s1", "SP", 39.99, 8.29),
            olist_item("p2", "s2", "MG", 10.0, 0.1),
        ],
        "payments": [
            {"seq": 1, "type": "credit_card", "installments": 3, "value": 100.0},
            {"seq": 2, "type": "voucher", "installments": 1, "value": 6.66},
        ],
    } | changes


# --- Olist ----------------------------------------------------------------------------------------------


def test_an_olist_order_becomes_its_life(tmp_path):
    path = written(tmp_path / "one.jsonl", olist_order())
    created, paid, approved, shipped, delivered = [event for event, _ in checked(olist.events(path))]
    assert created == {
        "event_id": "o1:created",
        "event_type": "order.created",
        "occurred_at": "2017-11-24T02:30:00Z",
        "order_id": "o1",
        "channel": "olist",
        "customer_id": "c1",
        "currency": "BRL",
        "line_items": [
            {"sku": "p1", "product_id": "p1", "seller_id": "s1", "quantity": 2, "price": "39.99"},
            {"sku": "p2", "product_id": "p2", "seller_id": "s2", "quantity": 1, "price": "10.00"},
        ],
        "total_shipping": "16.68",
        "total_price": "106.66",
        "shipping_address": {"country": "BR", "region": "RJ", "city": "niteroi", "postal_code": "24020"},
        "promised_at": "2017-12-20T02:00:00Z",
    }
    assert paid["payments"] == [
        {"payment_id": "o1-1", "method": "credit_card", "amount": "100.00"},
        {"payment_id": "o1-2", "method": "voucher", "amount": "6.66"},
    ]
    assert (approved["event_type"], approved["occurred_at"]) == ("order.approved", paid["occurred_at"])
    assert (shipped["carrier"], shipped["tracking_number"]) == ("olist", "O1")
    assert delivered["occurred_at"] == "2017-12-06T12:00:00Z"


def test_a_canceled_olist_order_is_cancelled_a_second_after_the_last_thing_known(tmp_path):
    order = olist_order(status="canceled", delivered_carrier=None, delivered_customer=None)
    last, _ = checked(olist.events(written(tmp_path / "one.jsonl", order)))[-1]
    assert (last["event_type"], last["occurred_at"]) == ("order.cancelled", "2017-11-24T02:45:01Z")


def test_an_olist_order_without_items_is_left_out_and_counted(tmp_path):
    path = written(tmp_path / "two.jsonl.gz", olist_order("o1", items=[]), olist_order("o2"))
    counts = Counter()
    events = list(olist.events(path, counts))
    assert {event["order_id"] for event in events} == {"o2"}
    assert counts == Counter(orders=2, orders_without_items=1, events=5)


def test_an_olist_order_that_nobody_paid_has_no_payment(tmp_path):
    counts = Counter()
    order = olist_order(approved=None, delivered_carrier=None, delivered_customer=None, status="created")
    events = list(olist.events(written(tmp_path / "one.jsonl", order), counts))
    assert [event["event_type"] for event in events] == ["order.created"]
    assert counts["orders_without_payment"] == 1


def test_lives_that_overlap_come_out_in_order_of_time(tmp_path):
    path = written(
        tmp_path / "two.jsonl",
        olist_order("o1"),
        olist_order("o2", purchase="2017-11-25T00:00:00", approved="2017-11-25T01:00:00"),
        olist_order("o3", purchase="2018-01-01T00:00:00", **dict.fromkeys(LATER)),
    )
    events = list(olist.events(path))
    assert all(a["occurred_at"] <= b["occurred_at"] for a, b in pairwise(events))
    assert [event["order_id"] for event in events[:6]] == ["o1", "o1", "o1", "o2", "o2", "o2"]
    assert events[-1]["order_id"] == "o3"


@pytest.mark.parametrize(
    ("local", "utc"),
    [
        ("2017-07-01T12:00:00", "2017-07-01T15:00:00Z"),  # standard time
        ("2017-11-24T12:00:00", "2017-11-24T14:00:00Z"),  # summer time
        ("2017-10-14T23:59:59", "2017-10-15T02:59:59Z"),
        ("2017-10-15T00:30:00", "2017-10-15T03:00:00Z"),  # never was: the clock went from 00:00 to 01:00
        ("2017-10-15T01:00:00", "2017-10-15T03:00:00Z"),
        ("2017-02-18T22:59:59", "2017-02-19T00:59:59Z"),
        ("2017-02-18T23:30:00", "2017-02-19T01:30:00Z"),  # was twice: the first is taken
        ("2017-02-19T00:00:00", "2017-02-19T03:00:00Z"),
    ],
)
def test_local_times_of_sao_paulo_become_utc_and_stay_in_order(local, utc):
    assert LocalClock(olist.ZONE).utc(local) == utc


def test_all_olist_events_come_in_order_and_every_order_with_items_is_placed():
    counts, kinds, before = Counter(), Counter(), ""
    for event in olist.events(public("olist_orders_2016_2017.jsonl.gz"), counts):
        assert before <= event["occurred_at"]
        before = event["occurred_at"]
        kinds[event["event_type"]] += 1
    assert (counts["orders"], counts["orders_without_items"]) == (45_430, 539)
    assert kinds.total() == counts["events"]
    assert (kinds["order.created"], kinds["order.delivered"]) == (45_430 - 539, 43_698)


def test_a_busy_week_of_olist_orders_keeps_the_contract_and_its_odd_payments():
    due, paid, ids = {}, {}, set()
    for event, value in checked(olist.events(public("olist_orders_blackfriday_week.jsonl.gz"))):
        assert event["event_id"] not in ids
        ids.add(event["event_id"])
        if isinstance(value, OrderCreated):
            goods = sum(Decimal(line.price) * line.quantity for line in value.line_items)
            due[value.order_id] = Decimal(value.total_price)
            assert due[value.order_id] == goods + Decimal(value.total_shipping)
        elif event["event_type"] == "order.paid":
            paid[value.order_id] = sum(Decimal(payment.amount) for payment in value.payments)
    assert len(due) > 3_300
    odd = sum(amount != due[order] for order, amount in paid.items())
    assert 0.001 < odd / len(paid) < 0.01


# --- UCI ------------------------------------------------------------------------------------------------


def invoice(number="536365", **changes):
    return {
        "order_id": number,
        "kind": "order",
        "customer_id": "17850",
        "country": "France",
        "ts": "2011-06-01T08:26:00",
        "lines": [["85123A", 6, 2.55], ["71053", 2, 3.39]],
    } | changes


def test_a_uci_invoice_becomes_an_order(tmp_path):
    ((event, _),) = checked(uci.events(written(tmp_path / "one.jsonl", invoice())))
    assert event == {
        "event_id": "536365:created",
        "event_type": "order.created",
        "occurred_at": "2011-06-01T07:26:00Z",
        "order_id": "536365",
        "channel": "uci",
        "customer_id": "17850",
        "currency": "GBP",
        "line_items": [
            {"sku": "85123A", "product_id": "85123A", "quantity": 6, "price": "2.55"},
            {"sku": "71053", "product_id": "71053", "quantity": 2, "price": "3.39"},
        ],
        "total_price": "22.08",
        "shipping_address": {"country": "France", "region": "France"},
    }


def test_a_uci_credit_note_becomes_a_refund(tmp_path):
    note = invoice("C536379", kind="cancel", lines=[["D", -1, 27.5], ["22556", -12, 1.65]])
    ((event, _),) = checked(uci.events(written(tmp_path / "one.jsonl", note)))
    assert event["event_type"] == "order.refunded"
    assert event["payments"] == [{"payment_id": "C536379-1", "method": "credit_note", "amount": "47.30"}]


def test_uci_lines_that_are_no_sale_are_left_out_and_counted(tmp_path):
    path = written(
        tmp_path / "three.jsonl",
        invoice("1", lines=[["A", 6, 2.55], ["B", 1, 0.0], ["C", -3, 0.0]]),
        invoice("2", lines=[["A", 56, 0.0]]),
        invoice("3", customer_id=None, lines=[["A", 1, 1.234]]),
    )
    counts = Counter()
    first, guest = list(uci.events(path, counts))
    assert [line["sku"] for line in first["line_items"]] == ["A"]
    assert (guest["customer_id"], guest["total_price"]) == ("guest-3", "1.23")
    assert counts == {
        "invoices": 3,
        "lines_without_sale": 3,
        "invoices_without_sale": 1,
        "prices_rounded": 1,
        "guests": 1,
        "events": 2,
    }


def test_all_uci_invoices_become_contract_events_in_order():
    counts = Counter()
    events = checked(uci.events(public("uci_online_retail_to_2011_06.jsonl.gz"), counts))
    assert all(a["occurred_at"] <= b["occurred_at"] for (a, _), (b, _) in pairwise(events))
    assert len({event["event_id"] for event, _ in events}) == len(events) == counts["events"]
    for _, value in events:
        if isinstance(value, OrderCreated):
            total = sum(Decimal(line.price) * line.quantity for line in value.line_items)
            assert Decimal(value.total_price) == total > 0
    assert counts["invoices"] == 12_795 == counts["events"] + counts["invoices_without_sale"]


# --- files that can't be read ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"not json", "line 2: .*malformed"),
        (b'{"order_id": "o1"}', "line 2: .*missing required field"),
        (b'{"order_id": 7}', "line 2: .*Expected `str`"),
        (b"[1, 2]", "line 2: .*Expected `object`"),
    ],
)
def test_a_line_that_is_no_record_is_named(tmp_path, line, words):
    path = tmp_path / "bad.jsonl"
    path.write_bytes(msgspec.json.encode(olist_order()) + b"\n" + line + b"\n")
    with pytest.raises(Unreadable, match=words):
        list(olist.events(path))


def test_another_data_set_s_file_is_refused_at_its_first_line(tmp_path):
    with pytest.raises(Unreadable, match="line 1"):
        list(olist.events(written(tmp_path / "uci.jsonl", invoice())))


def test_empty_lines_and_empty_files_hold_no_events(tmp_path):
    path = tmp_path / "empty.jsonl"
    path.write_bytes(b"\n\n")
    assert list(uci.events(path)) == []
