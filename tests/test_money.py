"""Money is read exactly, or refused."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.money import MAX_UNITS, Malformed, MinorUnits


@given(minor=st.integers(-(10**13), 10**13), exponent=st.integers(0, 4))
def test_every_amount_of_minor_units_is_read_back_exactly(minor: int, exponent: int) -> None:
    minor = max(-MAX_UNITS, min(MAX_UNITS, minor))
    assert MinorUnits(exponent)[str(Decimal(minor).scaleb(-exponent))] == minor


@given(cents=st.integers(0, 10**9))
def test_a_json_number_is_read_by_its_shortest_decimal_form(cents: int) -> None:
    assert MinorUnits(2)[cents / 100] == cents


@pytest.mark.parametrize("written", ["", "abc", "NaN", "Infinity", "1.001", "1e20", 1e308, float("nan"), "12x"])
def test_what_is_no_amount_is_refused_with_its_value(written: str | float) -> None:
    with pytest.raises(Malformed, match="amount"):
        MinorUnits(2)[written]


def test_the_memory_of_prices_is_bounded() -> None:
    units = MinorUnits(0)
    for amount in range(250_000):
        assert units[amount] == amount
    assert len(units) <= 100_000
