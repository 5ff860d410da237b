"""Hostile input: no crash, no slow pattern, no unbounded memory; a poison message costs one dead letter."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

import config
from config.promotions import PromotionRegister
from config.settings import load
from models.examples import approved, cancelled, created, delivered, encoded, line, paid, refunded, shipped, stock
from stream.pipeline import Pipeline
from stream.record import StoredRecord
from tests.parts import fuzz_targets

FOLDER = Path(config.__file__).parent
few = hypothesis_settings(max_examples=60, deadline=None)

EVENTS = [
    created(discounts=[{"promotion_id": "P1", "code": "X", "amount": "5.00", "type": "fixed"}], total_price="105.00"),
    created(line_items=[line(), line(sku="S2", quantity=3)]),
    paid(), approved(), shipped(), delivered(), cancelled(), refunded(), stock(),
]  # fmt: skip
NUMBERS = st.sampled_from(
    ["1e999999999", "-1e400", "1E-400", "9" * 400, "-0", "0.1", "1e15", "-1", "NaN", "Infinity", "00", "1.", "0x1f"]
)
TEXTS = st.one_of(
    st.text(max_size=40),
    st.sampled_from(["", "\x00", "\u2028", "9" * 5_000, "2026-02-30T00:00:00Z", "9999-12-31T23:59:59.999999999Z"]),
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False), TEXTS),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=8,
)


def paths_of(value, before=()):
    yield before
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from paths_of(one, (*before, key))


@st.composite
def messages(draw):
    """An event with something in it replaced, left out or doubled; as it is, or as a CloudEvent; its bytes cut."""
    document = json.loads(encoded(draw(st.sampled_from(EVENTS)) | {"event_id": draw(TEXTS) or "e"}))
    for _ in range(draw(st.integers(0, 3))):
        path = draw(st.sampled_from([path for path in paths_of(document) if path] or [()]))
        if not path:
            break
        place = document
        for key in path[:-1]:
            place = place[key]
        if draw(st.booleans()):
            place[path[-1]] = draw(VALUES)
        elif isinstance(place, dict):
            del place[path[-1]]
    if draw(st.booleans()):
        attributes = {"specversion": "1.0", "id": "c", "source": "/s", "type": "t"}
        document = attributes | {"data": document} | draw(st.dictionaries(TEXTS, VALUES, max_size=2))
    text = json.dumps(document, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 3)) == 0:
        text = text.replace(b'"100.00"', draw(NUMBERS).encode(), 1)
    if draw(st.integers(0, 3)) == 0:
        start, length = draw(st.integers(0, len(text))), draw(st.integers(0, 30))
        text = text[:start] + draw(st.binary(max_size=10)) + text[start + length :]
    return text


@few
@given(messages())
def test_a_message_is_an_event_or_one_dead_letter_and_the_next_is_judged(message):
    fuzz_targets.event(message)


@few
@given(st.binary(max_size=300))
def test_any_bytes_are_an_event_or_one_dead_letter(message):
    assert fuzz_targets.event(message) == 1


MEBIBYTE = 1 << 20
LONG = {
    "deep lists": b"[" * (MEBIBYTE - 1),
    "deep objects": b'{"a":' * (MEBIBYTE // 5 - 1),
    "deep within an event": encoded(created())[:-1] + b',"x":' + b"[" * 500_000 + b"]" * 500_000 + b"}",
    "a long number": encoded(created()).replace(b'"100.00"', b"9" * 900_000, 1),
    "a long fraction": encoded(created()).replace(b'"100.00"', b'"0.' + b"1" * 900_000 + b'"', 1),
    "a long exponent": encoded(created()).replace(b'"100.00"', b"1e" + b"9" * 900_000, 1),
    "a long version": encoded(created(client_version="1." * 400_000)),
    "a long tracking number": encoded(shipped(tracking_number="A-" * 400_000 + "!")),
    "a long phone": encoded(created(shipping_address={"country": "CN", "region": "GD", "phone": "+1 (2) " * 100_000})),
    "a long postal code": encoded(created(shipping_address={"country": "CN", "postal_code": "1 " * 400_000})),
    "a long channel": encoded(created(channel="x" * 900_000)),
    "escapes": encoded(created()).replace(b'"app"', b'"' + b"\\u0061" * 150_000 + b'"', 1),
    "half a surrogate": encoded(created()).replace(b'"app"', b'"\\ud800"', 1),
    "many lines": encoded(created(line_items=[line()] * 9_000)),
    "many discounts": encoded(created(discounts=[{"promotion_id": f"P{n}", "amount": "0.01"} for n in range(15_000)])),
    "many fields": encoded(created() | {f"f{n}": n for n in range(70_000)}),
    "too long": b" " * (MEBIBYTE + 1),
}


@pytest.mark.parametrize("name", LONG)
def test_the_longest_message_is_done_with_in_time(name, monkeypatch):
    monkeypatch.setattr(fuzz_targets, "MOST_CPU_SECONDS", 5.0)
    assert len(LONG[name]) <= MEBIBYTE + 1
    fuzz_targets.event(LONG[name])


def test_a_hundred_poison_messages_cost_a_hundred_dead_letters_and_no_order():
    pipeline = Pipeline(load(), partitions=1, promotions=PromotionRegister({}))
    good = [encoded(created(f"o{n}", at=n)) for n in range(100)]
    values = [value for pair in zip(good, [b"\x00poison %d" % n for n in range(100)], strict=True) for value in pair]
    outcome = pipeline.process(0, [StoredRecord(value, b"k", n) for n, value in enumerate(values)], wait=False)
    assert outcome.events == 100
    assert [letter.offset for letter in outcome.dead_letters] == list(range(1, 200, 2))


def flooded(n_messages, kind="product_id"):
    small = dict.fromkeys(("max_orders", "max_products", "max_customers", "max_sellers", "max_promotions"), 1_000)
    pipeline = Pipeline(load(state=small), partitions=1, promotions=PromotionRegister({}))
    alerts, size = [], 1_000
    tracemalloc.start()
    sizes = []
    for start in range(0, n_messages, size):
        values = [
            encoded(created(f"o{n}", at=n / 20, customer_id=f"c{n}", line_items=[line(**{kind: f"{kind}-{n:036}"})]))
            for n in range(start, start + size)
        ]
        records = [StoredRecord(value, b"k", start + i) for i, value in enumerate(values)]
        alerts += pipeline.process(0, records, wait=False).alerts
        sizes.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    return pipeline, [msgspec.json.decode(alert.data)["data"] for alert in alerts], sizes


def test_a_flood_of_keys_is_bounded_counted_and_one_alert():
    pipeline, alerts, sizes = flooded(40_000)
    assert pipeline.evicted["product"] >= 38_000
    # what a quarter of an hour holds goes at its end, after 18,000 messages; 20,000 keys that stayed would be 6 MB
    assert max(sizes[20:]) < max(sizes[:20]) + 1_500_000
    floods = [alert for alert in alerts if alert["kind"] == "system.key_flood"]
    assert [(alert["entity"]["key"], alert["severity"], alert["status"]) for alert in floods] == [
        ("product", "high", "firing")
    ]
    assert floods[0]["observed"] == 1_001
    assert floods[0]["expected"]["high"] == 500


@pytest.mark.parametrize("size", [1, 700])
def test_where_the_log_is_cut_does_not_move_the_alert_of_a_flood(size):
    small = load(state={"max_products": 64})
    values = [encoded(created(f"o{n}", at=n, line_items=[line(product_id=f"P{n}")])) for n in range(300)]
    records = [StoredRecord(value, b"k", n) for n, value in enumerate(values)]
    pipeline, found = Pipeline(small, partitions=1), []
    for start in range(0, 300, size):
        found += pipeline.process(0, records[start : start + size], wait=False).alerts
    assert [msgspec.json.decode(a.data)["data"]["trace"]["offset"] for a in found if a.kind == "system.key_flood"] == [
        64
    ]


# files --------------------------------------------------------------------------------------------------------------

FILES = [(FOLDER / name).read_bytes() for name in ("default.yaml", "policy.yaml", "demo.yaml", "production.yaml")]
FILES += [
    b"promotions:\n  - {promotion_id: P1, excludes: [P2], starts_at: 2026-01-01T00:00:00Z, max_discount_rate: 0.2}\n",
    b"days:\n  - {date: 2026-01-01, most: 3}\n",
]
WORDS = [
    *(b"&a ", b"*a", b"!!python/object:os.system ", b"{", b"[", b": ", b"- ", b"\n", b"? ", b"2026-13-41", b"1e999"),
    *(b".inf", b"0o9", b"<<: ", b"'", b'"', b"\t", b"\xff", b"|\n", b"!!binary ", b"!!set ", b"on", b"-1", b"null"),
    b"%YAML 9.9\n",
]


@st.composite
def files(draw):
    """A file of ours with a few words put in, cut out or replaced."""
    text = draw(st.sampled_from(FILES))
    start = draw(st.integers(0, max(0, len(text) - 1_500)))
    text = text if draw(st.booleans()) else text[start : start + 1_500]
    for _ in range(draw(st.integers(1, 4))):
        at, length = draw(st.integers(0, len(text))), draw(st.integers(0, 12))
        text = text[:at] + draw(st.sampled_from(WORDS) | st.binary(max_size=4)) + text[at + length :]
    return text


@hypothesis_settings(max_examples=40, deadline=None)
@given(files())
def test_a_file_is_read_or_refused_in_one_line(text):
    fuzz_targets.file(text)


@pytest.mark.parametrize(
    "text",
    [
        b"a: " + b"[" * 20_000,
        b"promotions: " + b"{a: " * 5_000,
        b"a: &a [x, x, x, x, x, x, x, x, x]\n"
        + b"".join(b"%c: &%c [%s]\n" % (c, c, b", ".join([b"*%c" % (c - 1)] * 9)) for c in range(98, 110))
        + b"promotions: *m\nkafka: *m\ndays: *m\n",
        b"promotions: &a [*a]\n",
        b"days: [{date: 2026-02-30, most: 2}]",
        b"promotions: [{promotion_id: " + b"x" * 500_000 + b"}]",
        b"price: {severity: " + b"9" * 400_000 + b"}",
        b"kafka: {partitions: 0x" + b"f" * 3_000 + b"}",
        b"- " * 30_000,
        b"? " * 30_000,
    ],
    ids=lambda text: text[:14].decode(),
)
def test_files_that_mean_harm_are_refused_in_one_short_line(text, monkeypatch):
    monkeypatch.setattr(fuzz_targets, "MOST_CPU_SECONDS", 5.0)
    assert fuzz_targets.file(text) == 0


# entries of the alert stream ------------------------------------------------------------------------------------------

FIELDS = st.sampled_from([b"id", b"kind", b"severity", b"status", b"data", b"x", b""])


@few
@given(st.dictionaries(FIELDS, st.binary(max_size=30), max_size=7))
def test_an_entry_of_the_stream_is_an_alert_or_passed_over(fields):
    fuzz_targets.entry(msgspec.msgpack.encode(fields))
