"""Rows for keys: bounded, and the same however the stream is cut."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.keys import Keys, grown
from features.text import Text

KEYS = st.lists(st.sampled_from([f"k{i}" for i in range(12)]), max_size=80)


@settings(deadline=None)  # kernels are compiled at first
@given(keys=KEYS, cut=st.integers(0, 80), capacity=st.integers(1, 14))
def test_cutting_the_keys_anywhere_gives_the_same_rows(keys: list[str], cut: int, capacity: int) -> None:
    whole, parts = Keys("k", capacity), Keys("k", capacity)
    rows, fresh = whole.rows(Text.of(keys))
    first, second = parts.rows(Text.of(keys[:cut])), parts.rows(Text.of(keys[cut:]))
    assert np.concatenate([first[0], second[0]]).tolist() == rows.tolist()
    assert np.concatenate([first[1], second[1]]).tolist() == fresh.tolist()


@settings(deadline=None)  # kernels are compiled at first
@given(keys=KEYS, capacity=st.integers(1, 14))
def test_a_row_belongs_to_one_key_from_fresh_to_fresh(keys: list[str], capacity: int) -> None:
    space = Keys("k", capacity)
    rows, fresh = space.rows(Text.of(keys))
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
    space.rows(Text.of(["a", "b", "c", "a"]))
    space.rows(Text.of(["d"]))
    assert [space.find(key) >= 0 for key in "abcd"] == [True, False, True, True]
    assert space.evicted_total == 1


def test_a_space_that_fits_no_key_is_refused_by_the_name_of_its_knob() -> None:
    with pytest.raises(ValueError, match=r"state\.max_orders is 0"):
        Keys("order", 0)


def test_growing_keeps_what_was_there_and_adds_zeros() -> None:
    state = grown(np.ones((2, 3)), 5)
    assert state.shape == (5, 3)
    assert state.sum() == 6


def test_a_key_is_called_what_it_was_called_last_however_long() -> None:
    space = Keys("k", 2)
    names = ["short", "x" * 200, 'quoted "é"', "", "y" * 41, "z" * 40]
    for name in names:
        rows, _ = space.rows(Text.of([name]))
        assert space.names[int(rows[0])] == name


@settings(deadline=None)  # kernels are compiled at first
@given(keys=st.lists(st.text(max_size=60), max_size=30))
def test_texts_come_out_as_they_went_in(keys: list[str]) -> None:
    text = Text.of(keys)
    assert list(text) == keys
    assert list(text.packed()) == keys
    assert list(Text.join([text.take(slice(0, 3)), text.take(slice(3, None))])) == keys
    assert len(set(text.hash.tolist())) == len(set(keys)) == len(text.distinct())


def test_keys_with_their_names_take_less_than_a_hundred_bytes_each() -> None:
    space = Keys("k", 300_000)
    for start in range(0, 300_000, 50_000):
        space.rows(Text.of([f"order-{i:012}" for i in range(start, start + 50_000)]))
    assert len(space) == 300_000
    assert space.nbytes / len(space) < 100
