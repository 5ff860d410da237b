"""The laws of the pipeline: what must hold whatever the stream is, and however it is read."""

from __future__ import annotations

import random
from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from models.examples import created, encoded, line
from stream.pipeline import Pipeline
from stream.record import StoredRecord
from tests.small_shop import alerts_of, default_settings, log, reference, run


def test_the_small_shop_raises_what_was_put_into_it() -> None:
    kinds = {msgspec.json.decode(data)["data"]["kind"] for data in reference()}
    assert {
        "price.decimal_shift",
        "promotion.exclusive_pair",
        "price.total_mismatch",
        "payment.amount_mismatch",
        "behaviour.quantity_over_cap",
        "information.malformed",
        "duplicate.order",
    } <= kinds


@hypothesis_settings(max_examples=12, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), largest=st.sampled_from([7, 60, 1000]))
def test_where_the_log_is_cut_and_which_partition_comes_first_changes_no_bit(seed: int, largest: int) -> None:
    assert tuple(alert.data for alert in alerts_of(run(log(), seed, largest))) == reference()


def test_alert_ids_are_unique_and_never_repeat_a_firing_within_the_cooldown() -> None:
    alerts = alerts_of(run(log()))
    assert len({alert.id for alert in alerts}) == len(alerts)
    fired: dict[str, int] = {}
    for alert in alerts:
        if alert.status == "firing":
            cooldown_ms = default_settings().alerts.cooldown_seconds * 1000
            assert alert.time_ms - fired.get(alert.fingerprint, -(10**12)) >= cooldown_ms
            fired[alert.fingerprint] = alert.time_ms


@hypothesis_settings(max_examples=5, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_a_tenth_of_the_events_delivered_twice_adds_no_alert(seed: int) -> None:
    draw = random.Random(seed)
    twice = []
    for part in log():
        records: list[StoredRecord] = []
        again: list[StoredRecord] = []
        for record in part:
            records.append(record)
            if draw.random() < 0.1 and not (record.value or b"").startswith(b"rubbish"):
                again.append(record)
            if again and draw.random() < 0.2:
                records.append(again.pop(0))
        twice.append([StoredRecord(r.value, r.key, offset) for offset, r in enumerate([*records, *again])])
    outcomes = run(twice)
    assert sum(outcome.duplicates for outcome in outcomes) > 100
    assert sorted(alert.id for alert in alerts_of(outcomes)) == sorted(_ids(reference()))


def _ids(told: Sequence[bytes]) -> list[str]:
    return [msgspec.json.decode(data)["id"] for data in told]


def test_stacked_coupons_are_one_alert_that_names_the_stale_client() -> None:
    events = [msgspec.json.decode(data)["data"] for data in reference()]
    told = [event for event in events if event["kind"] == "promotion.exclusive_pair"]
    assert 1 <= len(told) <= 3
    assert told[0]["count"] <= 5
    assert told[0]["severity"] == "critical"
    last = {(one["dimension"], one["value"]) for one in told[-1]["segments"][:2]}
    assert last == {("channel", "app"), ("client_version", "8.3.1")}


BAD = {
    "empty": b"",
    "not JSON": b"not json",
    "truncated": encoded(created())[:-20],
    "wrong types": encoded(created(channel=5)),
    "NaN": encoded(created()).replace(b'"110.00"', b"NaN"),
    "1e308": encoded(created(total_price=1e308)),
    "negative quantity": encoded(created(line_items=[line(quantity=-1)])),
    "10 MB": encoded(created(channel="x")) + b" " * 10_000_000,
    "unknown event type": encoded(created() | {"event_type": "order.exploded"}),
    "1970": encoded(created() | {"occurred_at": "1970-01-01T00:00:00Z"}),
    "2070": encoded(created() | {"occurred_at": "2070-01-01T00:00:00Z"}),
    "no zone": encoded(created() | {"occurred_at": "2026-01-01T00:00:00"}),
    "invalid UTF-8": encoded(created()).replace(b"Shenzhen", b"\xff\xfe"),
    "deep": b'{"a":' * 100_000,
    "too many decimals": encoded(created(total_price="1.001")),
    "an array": b"[1, 2]",
    "negative discount": encoded(created(discounts=[{"promotion_id": "P1", "amount": "-5.00"}])),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_input_is_one_dead_letter_and_the_stream_goes_on(name: str) -> None:
    pipeline = Pipeline(default_settings(), partitions=1)
    good = encoded(created("good", total_price="1.00"))
    records = [StoredRecord(value, b"k", i) for i, value in enumerate([BAD[name], good])]
    outcome = pipeline.process(0, records, wait=False)
    (letter,) = outcome.dead_letters
    assert letter.value == BAD[name]
    assert letter.offset == 0
    assert letter.error_message
    assert len(letter.error_message) < 400
    assert outcome.events == 1
    assert [alert.kind for alert in outcome.alerts] == ["price.total_mismatch"]


def test_a_log_that_falls_silent_is_judged_by_what_did_not_come() -> None:
    settings, alerts = default_settings(), []
    pipeline = Pipeline(settings, partitions=2)
    outcome = pipeline.process(0, [StoredRecord(encoded(created()), b"o1", 0)], wait=False)
    for hours in (1, 24, 24 * 30):
        alerts += pipeline.advance(pipeline.clock_ms + hours * 3_600_000).alerts
    kinds = {msgspec.json.decode(alert.data)["data"]["kind"] for alert in alerts}
    assert not outcome.alerts
    assert "payment.overdue" in kinds


def test_a_tombstone_is_a_dead_letter() -> None:
    outcome = Pipeline(default_settings(), partitions=1).process(0, [StoredRecord(None, b"k", 0)])
    assert [letter.error_message for letter in outcome.dead_letters] == ["message is empty"]


def test_a_cloud_event_is_opened() -> None:
    envelope = b'{"specversion":"1.0","id":"1","source":"/shop","type":"order","data":%s}' % encoded(created())
    assert Pipeline(default_settings(), partitions=1).process(0, [StoredRecord(envelope, b"o1", 0)]).events == 1


def test_no_personal_data_leaves_decode() -> None:
    secrets = {"phone": "+86 139 7777 8888", "city": "Xanaduville", "postal_code": "424242"}
    order = created(shipping_address={"country": "CN", "region": "GD", **secrets}, total_price="1.00")
    pipeline = Pipeline(default_settings(), partitions=1)
    outcome = pipeline.process(0, [StoredRecord(encoded(order), b"o1", 0)], wait=False)
    assert outcome.alerts
    reachable = b"".join(alert.data for alert in outcome.alerts) + repr(_everything(pipeline)).encode()
    assert not [secret for secret in secrets.values() if secret.encode() in reachable]


def _everything(thing: object, depth: int = 0, seen: set[int] | None = None) -> list[object]:
    """All that can be reached from an object, as plain values."""
    seen = set() if seen is None else seen
    if id(thing) in seen or depth > 12:
        return []
    seen.add(id(thing))
    if isinstance(thing, str | bytes | int | float | np.ndarray | None):
        return [thing]
    children: list[object] = []
    if isinstance(thing, dict):
        children = [*thing.keys(), *thing.values()]
    elif isinstance(thing, list | tuple | set | frozenset):
        children = list(thing)
    else:
        names = [
            *getattr(thing, "__dict__", {}),
            *(n for c in type(thing).__mro__ for n in getattr(c, "__slots__", ())),
        ]
        children = [getattr(thing, name, None) for name in names if isinstance(name, str)]
    return [value for child in children for value in _everything(child, depth + 1, seen)]
