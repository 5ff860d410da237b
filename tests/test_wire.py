"""The scanner's law: what it accepts, msgspec accepts, and its columns are those of msgspec's objects."""

from __future__ import annotations

import itertools
import json
import random
import re
from datetime import UTC
from functools import cache
from typing import Any

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from features.approver import NAMED, NOBODY, UNTOLD, code_of
from features.event import (
    KIND_OF,
    decode_event,
)
from features.money import Malformed
from features.read import read
from features.wire import tables as wire
from features.wire.canonical import canonical
from features.wire.scan import scan
from features.wire.text import hash_of
from models.examples import approved, created, delivered, encoded, line, paid, refunded, shipped, stock
from stream.simulator import SimulatorSettings, simulate
from tests.parts.wire_columns import EPOCH, NOT_RECEIVED, Row, accepted, check


@cache
def honest() -> tuple[bytes, ...]:
    """Events of all kinds: the examples', and an hour of the simulator's."""
    settings = SimulatorSettings(start=EPOCH.replace(year=2026), duration_seconds=1e9, latency_scale=1 / 5_000)
    values = [event.value for event in itertools.islice(simulate(settings), 1500)]
    examples = [created(), paid(), approved(), shipped(), delivered(), refunded(), stock()]
    cancelled = encoded(approved()).replace(b"order.approved", b"order.cancelled")
    return (*values, *map(encoded, examples), cancelled)


def test_honest_traffic_of_all_kinds_is_read_at_once() -> None:
    assert {decode_event(value).__struct_config__.tag for value in honest()} == {
        c.__struct_config__.tag for c in KIND_OF
    }
    assert check(honest()) == 1.0


def test_order_of_fields_and_white_space_do_not_matter() -> None:
    draw = random.Random(3)
    values = []
    for value in honest()[::3]:
        event = json.loads(value)
        members = list(event.items())
        draw.shuffle(members)
        values += [json.dumps(dict(members)).encode(), json.dumps(event, indent=2, sort_keys=True).encode()]
    assert check([b" \r\n\t" + value + b"\n" for value in values]) == 1.0


def test_fields_of_other_types_and_unknown_ones_leave_nothing() -> None:
    foreign = json.loads(encoded(created())) | {"payments": [{"amount": [None, True, -0.5]}], "sku": {"a": {}}, "x": []}
    plain = json.loads(encoded(delivered())) | {
        "line_items": {"sku": 5},
        "note": 'a "quoted"\nline \\u00e9',
        "total_tax": None,
    }
    assert check([encoded(foreign), encoded(plain), json.dumps(plain).encode()]) == 1.0


texts = st.text(max_size=12) | st.sampled_from(
    ["", "x" * 200, "x" * 201, "é" * 150, "\U0001f600" * 60, "a\u2028b", "\x7f"]
)
money = (
    st.decimals(-(10**4), 10**12, places=2, allow_nan=False).map(str)
    | st.decimals(0, 100, places=5).map(str)
    | st.integers(-5, 10**17)
    | st.floats()
    | st.sampled_from(
        ["1e2", " 5 ", "1_0", "+1", ".5", "5.", "007.5", "", "-", "٣", "100000000000", "100000000000.01", -0.0]
    )
)
times = st.datetimes(timezones=st.just(UTC)).map(lambda moment: moment.isoformat()) | st.sampled_from(
    [
        "2026-01-01T00:00:00.0005Z",
        "1969-12-31T23:59:59.9995Z",
        "2024-02-29T23:59:59-23:59",
        "2023-02-29T00:00:00Z",
        "0001-01-01T00:00:00+23:59",
        "2026-01-01 00:00:00Z",
        "2026-01-01t00:00:00z",
        "2026-01-01T00:00:00.1234567Z",
        "2026-01-01T00:00:00",
        "2026-01-01T24:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-01-01T00:00:60Z",
        "1900-02-29T00:00:00Z",
    ]
)
loose = st.none() | texts
junk = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | texts, lambda inner: st.lists(inner, max_size=3)
)
forms = st.sampled_from(
    ["+86 138 0000 0000", "(0)55-1234", "12345", "", "518000", "AB-1 2CD", "-12", "1" * 12, "+1234567a"]
)
counts = st.integers(-1, 1_000_001) | st.sampled_from([1, 10**6, 1.0, "1", None])


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Row]:
    """Objects that have some of the fields."""
    return st.fixed_dictionaries({}, optional=fields)


lines_ = some(
    sku=texts, product_id=loose, seller_id=loose, quantity=counts, price=money, unit_cost=money | st.none(), x=junk
)
discounts_ = some(promotion_id=texts, amount=money, code=loose, type=loose).map(
    lambda d: {"promotion_id": "P", "amount": 1} | d
)
addresses = some(country=loose, region=loose, city=loose, postal_code=loose | forms, phone=loose | forms)
payments_ = some(
    payment_id=texts, method=texts, amount=money, status=loose | st.sampled_from([*NOT_RECEIVED, "FAILED", "Voided "])
).map(lambda d: {"payment_id": "p", "method": "m", "amount": 1} | d)
changes = some(
    event_id=texts,
    event_type=st.sampled_from([*(cls.__struct_config__.tag for cls in KIND_OF), "order.exploded", None]),
    occurred_at=times,
    promised_at=times | st.none(),
    order_id=texts,
    channel=texts,
    client_version=loose,
    currency=st.sampled_from(["CNY", "JPY", "KWD", "CLF", "XAU", "zz", "人民币", ""]) | texts,
    line_items=st.lists(lines_.map(lambda change: line(**change)), max_size=3) | st.none(),
    discounts=st.lists(discounts_, max_size=3) | st.none(),
    total_shipping=money,
    total_price=money,
    shipping_address=addresses | st.none(),
    payments=st.lists(payments_, max_size=3),
    sku=texts,
    available=counts,
    carrier=texts,
    approved_by=junk | st.sampled_from(["System", " auto ", "un\u212anown", "N/A", "\u3000", "Li Na", "a\tb", " \t"]),
    extra=junk,
)
ALL = json.loads(encoded(created() | paid() | shipped() | stock() | created()))


@hypothesis_settings(max_examples=120, deadline=None)
@given(st.lists(changes, min_size=1, max_size=8), st.booleans(), st.sampled_from([None, 1]))
def test_whatever_the_fields_hold_the_columns_are_those_of_msgspec(
    changed: list[Row], escapes: bool, indent: int | None
) -> None:
    check(
        [json.dumps(ALL | change, ensure_ascii=escapes, indent=indent).encode("utf-8", "replace") for change in changed]
    )


def test_of_an_approver_a_code_is_kept_whatever_form_the_field_has() -> None:
    given = ["Li Na", {"id": 7}, 0, "", "  ", None, [], False, " SYSTEM "]
    events = [approved(), *(approved() | {"approved_by": written} for written in given)]
    told = read([encoded(event) for event in events])
    system = code_of("system")
    assert told.refused == {}
    codes = told.tables.events[wire.EVENT_APPROVER].tolist()
    assert codes == [UNTOLD, NAMED, NAMED, NAMED, NOBODY, NOBODY, NOBODY, NOBODY, NOBODY, system]


def test_what_a_parcel_holds_adds_up_to_its_order_and_another_form_is_no_refusal() -> None:
    items = [line(quantity=2), line(sku="S2", quantity=3)]
    others = [None, [], 5, [{"sku": "S1"}], [{"sku": "S1", "quantity": 0}]]
    parcels = [shipped(line_items=items[:1]), shipped(line_items=[{"sku": "S2", "quantity": 3}])]
    told = read([encoded(event) for event in [*parcels, *(shipped(line_items=one) for one in others)]])
    ordered = scan([encoded(created(line_items=items))]).created[wire.CREATED_DIGEST]
    pieces, digests = told.tables.shipments[wire.SHIPMENT_PIECES :].tolist()
    assert told.refused == {}
    assert pieces == [2, 3, 0, 0, 0, 0, 0]
    assert sum(digests) % (2**31 - 1) == ordered


def test_phone_numbers_and_postal_codes_are_judged_as_by_regular_expressions() -> None:
    draw = random.Random(5)

    def text(alphabet: str, longest: int) -> str:
        return "".join(draw.choice(alphabet) for _ in range(draw.randint(0, longest)))

    given = [{"city": "x", "phone": text("+0123456789 ()./-" + "aé\n"[: n % 9], 24)} for n in range(2000)]
    given += [{"region": "x", "postal_code": text("09azAZ -" + "_é\n"[: n % 9], 13)} for n in range(2000)]
    orders = [encoded(created(shipping_address=address)) for address in given]
    forms = scan(orders).created[wire.CREATED_ADDRESS_FORM :]
    assert set(forms[0].tolist()) == {1, 2}
    assert set(forms[1].tolist()) == {0, 1, 2}
    check(orders)


def broken(value: bytes, draw: random.Random) -> bytes:
    """The message after a few bytes were lost, added or changed."""
    at, kind = draw.randrange(len(value)), draw.randrange(3)
    if kind == 0:
        return value[:at] + bytes([value[at] ^ (1 << draw.randrange(8))]) + value[at + 1 :]
    if kind == 1:
        return value[:at] + value[at + draw.randint(1, 3) :]
    return value[:at] + draw.choice([b'"', b"\\", b",", b"0", b"-", b".", b"{", b"]", b" ", b"\n", b"e1"]) + value[at:]


def spoilt(value: bytes, other: bytes, draw: random.Random) -> bytes:
    """The message after one accident."""
    at, kind = draw.randrange(len(value)), draw.randrange(5)
    if kind == 0:
        return value[:at]
    if kind == 1:
        return value[:at] + other[draw.randrange(len(other)) :]
    member = draw.choice(re.findall(rb'"\w+":(?:"[^"]*"|[0-9.]+)', value) or [b":"])
    if kind == 2:
        return value.replace(member, member + b"," + member, 1)
    if kind == 3:
        return value.replace(member, member.partition(b":")[0] + b":" + draw.choice([b"null", b"[]", b"{}", b"1"]), 1)
    return broken(value, draw)


@pytest.mark.parametrize("seed", range(4))
def test_a_message_after_an_accident_is_never_read_as_something_else(seed: int) -> None:
    draw = random.Random(seed)
    values = honest()
    check([spoilt(draw.choice(values), draw.choice(values), draw) for _ in range(2000)])
    check([broken(draw.choice(values), draw) for _ in range(2000)])


BAD = {
    "empty": b"",
    "not JSON": b"not json",
    "an array": b"[1, 2]",
    "nothing in it": b"{}",
    "truncated": encoded(created())[:-20],
    "NaN": encoded(created()).replace(b'"110.00"', b"NaN"),
    "1e308": encoded(created(total_price=1e308)),
    "negative quantity": encoded(created(line_items=[line(quantity=-1)])),
    "unknown event type": encoded(created() | {"event_type": "order.exploded"}),
    "invalid UTF-8": encoded(created()).replace(b"Shenzhen", b"\xff\xfe"),
    "half a character": encoded(created())[:-20] + "é".encode()[:1],
    "10 MB": encoded(created())[:-1] + b" " * 10_000_000,
    "deep": b'{"a":' * 100_000,
    "too many decimals": encoded(created(total_price="1.001")),
    "beyond all bounds": encoded(created(total_price="100000000000.01")),
    "a line worth too much": encoded(created(line_items=[line(price="99999999999", quantity=10**6)])),
    "negative discount": encoded(created(discounts=[{"promotion_id": "P1", "amount": "-5.00"}])),
    "a line too many": encoded(created(line_items=[line()] * 1001)),
    "two objects": encoded(created()) * 2,
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_message_is_odd_and_those_beside_it_are_read(name: str) -> None:
    tables = scan([encoded(created("a")), BAD[name], encoded(stock()), encoded(created("é"))])
    assert tables.plain.tolist() == [True, False, True, True]
    assert tables.events[wire.EVENT_MESSAGE].tolist() == [0, 2, 3]
    assert tables.lines.shape[1] == 2
    assert accepted(BAD[name]) is None


def test_no_messages_are_empty_tables() -> None:
    tables = scan([])
    assert tables.plain.shape == (0,)
    assert tables.events.shape == (wire.EVENT_FIELDS, 0)


def test_a_hash_never_changes() -> None:
    told = [hash_of(text) for text in ("", "CNY", "sku-000172", "é\n")]
    assert told == [0, 4060608831842939442, -4860904366601065680, 361267639751936710]


def test_hashes_of_numbered_texts_do_not_collide() -> None:
    names = [form % n for n in range(60_000) for form in ("sku-%06d", "%016d", "order-%024d")]
    assert len({hash_of(name) for name in names}) == len(names)


def test_a_basket_is_the_same_in_whatever_order_and_differs_by_quantity() -> None:
    items = [line(sku=f"S{k}", quantity=k + 1) for k in range(4)]
    orders = [items, items[::-1], [*items[1:], line(sku="S0", quantity=2)], items[1:]]
    baskets = scan([encoded(created(line_items=order)) for order in orders]).created[wire.CREATED_BASKET].tolist()
    assert baskets[0] == baskets[1]
    assert len(set(baskets)) == 3


def test_what_canonical_refuses_it_words_as_the_amounts_do() -> None:
    def refusal(**changes: Any) -> str:
        with pytest.raises(Malformed) as caught:
            canonical(decode_event(encoded(created(**changes))))
        return str(caught.value)

    assert refusal(total_price="1.001") == "amount '1.001' has more than 2 decimals"
    discount = {"promotion_id": "P1", "amount": "-5.00"}
    assert refusal(discounts=[discount]) == "discount amount '-5.00' of 'P1' is below 0"
    worth = refusal(line_items=[line(price="99999999999", quantity=1000), line()])
    assert worth == "line of 1000 x 9999999999900 minor units is beyond 1e+15"
