"""Rows for keys: bounded, and the same however the stream is cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from features.keys import Keys, grown

KEYS = st.lists(st.sampled_from([f"k{i}" for i in range(12)]), max_size=80)


@given(keys=KEYS, cut=st.integers(0, 80), capacity=st.integers(1, 14))
def test_cutting_the_keys_anywhere_gives_the_same_rows(keys: list[str], cut: int, capacity: int) -> None:
    whole, parts = Keys("k", capacity), Keys("k", capacity)
    rows, fresh = whole.rows(keys)
    first, second = parts.rows(keys[:cut]), parts.rows(keys[cut:])
    assert np.concatenate([first[0], second[0]]).tolist() == rows.tolist()
    assert np.concatenate([first[1], second[1]]).tolist() == fresh.tolist()


@given(keys=KEYS, capacity=st.integers(1, 14))
def test_a_row_belongs_to_one_key_from_fresh_to_fresh(keys: list[str], capacity: int) -> None:
    space = Keys("k", capacity)
    rows, fresh = space.rows(keys)
    owner: dict[int, str] = {}
    for key, row, is_fresh in zip(keys, rows.tolist(), fresh.tolist(), strict=True):
        assert is_fresh == (owner.get(row) != key) or is_fresh
        if not is_fresh:
            assert owner[row] == key
        owner[row] = key
    assert len(space) <= capacity
    assert space.size <= capacity


def test_the_least_recently_seen_key_goes_first() -> None:
    space = Keys("k", 3)
    space.rows(["a", "b", "c", "a"])
    space.rows(["d"])
    assert [space.find(key) >= 0 for key in "abcd"] == [True, False, True, True]
    assert space.evicted_total == 1


def test_a_space_that_fits_no_key_is_refused_by_the_name_of_its_knob() -> None:
    with pytest.raises(ValueError, match=r"state\.max_orders is 0"):
        Keys("order", 0)


def test_growing_keeps_what_was_there_and_adds_zeros() -> None:
    state = grown(np.ones((2, 3)), 5)
    assert state.shape == (8, 3)
    assert state.sum() == 6
