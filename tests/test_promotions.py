"""The promotion register."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.errors import ConfigRefused
from config.promotions import Promotion, PromotionRegister, version_parts

CONTRACT = """
promotions:
  - promotion_id: P1
    starts_at: 2026-01-01T00:00:00Z
    ends_at: 2026-01-03T00:00:00Z
    excludes: [P2]                # both on one order is an error
    max_discount_rate: 0.20       # of the goods' value
    expected_orders_per_hour: 40  # a registered surge is no anomaly
    client_version_min: "8.4"     # older clients should not see it
"""


def milliseconds(day):
    return int(datetime(2026, 1, day, tzinfo=UTC).timestamp() * 1000)


@pytest.fixture
def register_file(tmp_path):
    def write(text, name="promotions.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def test_the_register_of_the_contract_is_read(register_file):
    promotion = PromotionRegister.load(register_file(CONTRACT)).get("P1")
    assert promotion is not None
    assert (promotion.max_discount_rate, promotion.expected_orders_per_hour) == (0.2, 40)
    assert [promotion.is_active(milliseconds(day)) for day in (1, 2, 3)] == [True, True, False]


def test_json_is_read_as_well(register_file):
    path = register_file('{"promotions": [{"promotion_id": "A", "excludes": ["B"]}]}', "promotions.json")
    assert PromotionRegister.load(path).excluded_pairs() == {frozenset({"A", "B"})}


def test_an_exclusion_holds_both_ways_whoever_says_it(register_file):
    register = PromotionRegister.load(register_file(CONTRACT + "  - promotion_id: P2\n"))
    assert register.excludes("P1", "P2")
    assert register.excludes("P2", "P1")
    assert not register.excludes("P1", "P3")


def test_a_shop_without_a_register_excludes_nothing():
    register = PromotionRegister({})
    assert (register.get("P1"), register.excluded_pairs()) == (None, frozenset())


@pytest.mark.parametrize(
    ("client", "too_old"),
    [
        ("8.3.9", True),
        ("8.4", False),
        ("8.4.0", False),
        ("v8.10 (build 7)", False),
        ("beta", False),
        (None, False),
    ],
)
def test_an_old_client_is_known_by_its_numbers(client, too_old):
    assert Promotion(promotion_id="P1", client_version_min="8.4").is_too_old(client) is too_old


@given(st.lists(st.integers(0, 99), min_size=1, max_size=4), st.lists(st.integers(0, 99), min_size=1, max_size=4))
def test_versions_order_as_their_numbers_do(one, other):
    def padded(numbers):
        return numbers + [0] * (4 - len(numbers))

    first, second = (version_parts(".".join(map(str, numbers))) for numbers in (one, other))
    assert (first < second) == (padded(one) < padded(other))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[{promotion_id: P1, client_version_min: 8.10}]", ["client_version_min = 8.1", "quotes"]),
        ("[{promotion_id: 007}]", ["promotion_id = 7", "quotes"]),
        ("[{promotion_id: P1, client_version_min: new}]", ["P1", "client_version_min", "number"]),
        ("[{promotion_id: P1, starts_at: 2026-01-01T00:00:00}]", ["starts_at", "timezone"]),
        (
            "[{promotion_id: P1, starts_at: 2026-01-02T00:00:00Z, ends_at: 2026-01-01T00:00:00Z}]",
            ["P1", "after"],
        ),
        ("[{promotion_id: P1}, {promotion_id: P1}]", ["'P1' stands twice"]),
        ("[{promotion_id: P1, excludes: [P1]}]", ["P1", "excludes itself"]),
        ("[{promotion_id: P1, excluds: [P2]}]", ["'excluds'", "did you mean 'excludes'?"]),
        (
            "[{promotion_id: P1, max_discount_rate: 20}]",
            ["max_discount_rate = 20", "less than or equal to 1"],
        ),
        ("[{starts_at: 2026-01-01T00:00:00Z}]", ["promotions.0.promotion_id is missing"]),
        ("[P1]", ["promotions.0 = 'P1'"]),
    ],
)
def test_what_is_wrong_is_named_in_one_line(register_file, text, words):
    path = register_file(f"promotions: {text}")
    with pytest.raises(ConfigRefused) as caught:
        PromotionRegister.load(path)
    message = str(caught.value)
    assert "\n" not in message
    assert message.count(str(path)) == 1
    assert [word for word in words if word not in message] == []


def test_a_file_without_the_key_promotions_is_refused(register_file):
    with pytest.raises(ConfigRefused, match="promotions is missing"):
        PromotionRegister.load(register_file(""))
