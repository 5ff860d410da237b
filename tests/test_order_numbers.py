"""Order numbers as sequences: holes are found, and what is usual is not called a hole."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.order_numbers import DIGITS, OrderNumbers, split_numbers
from features.text import Composed, Text

SECOND = 1_000


def follow(texts, *, numbers=None, seconds=1.0, begin=0, alert_p=1e-9, least=3):
    """Holes in orders that come one after another, as (position, name, number before, missing)."""
    numbers = numbers or OrderNumbers(300.0, alert_p, least)
    order_id = Text.of(texts)
    clock_ms = ((begin + np.arange(len(texts))) * seconds * SECOND).astype(np.int64) + 1
    number, name = split_numbers(order_id.data, order_id.start, order_id.length)
    found = numbers.follow(Composed(name, lambda i: order_id[i].rstrip(DIGITS)), number, clock_ms)
    names = [numbers.keys.names[row] for row in found.row.tolist()]
    return list(zip(found.at.tolist(), names, found.after.tolist(), found.missing.tolist(), strict=True))


def named(numbers, name="A-"):
    return [f"{name}{number:08d}" for number in numbers]


def test_a_number_is_the_last_run_of_digits_and_its_name_what_stands_before():
    texts = Text.of(["A7-0012", "A7-0013", "B0012", "none", "99"])
    number, name = split_numbers(texts.data, texts.start, texts.length)
    assert number.tolist() == [12, 13, 12, -1, 99]
    assert name[0] == name[1] != name[2]


@pytest.mark.parametrize("step", [1, 64])
def test_a_hole_in_a_sequence_is_found_once_with_what_lies_before_it(step):
    numbers = [n * step for n in range(1, 3_000) if not 1_500 <= n < 1_510]
    assert [hit[1:] for hit in follow(named(numbers))] == [("A-", 1_499 * step, 10)]


def test_a_sequence_without_holes_has_none_however_its_numbers_jostle():
    rng = np.random.default_rng(1)
    order = np.argsort(np.arange(5_000) + rng.uniform(0, 100, 5_000))
    assert follow(named(order.tolist())) == []


def test_numbers_of_carts_that_were_given_up_are_no_holes_but_a_long_run_is():
    rng = np.random.default_rng(2)
    kept = np.flatnonzero(rng.random(20_000) > 0.3)
    assert follow(named(kept.tolist())) == []
    lost = kept[(kept < 10_000) | (kept >= 10_050)]
    assert [hit[3] >= 50 for hit in follow(named(lost.tolist()))] == [True]


def test_ids_that_count_nothing_are_never_judged():
    rng = np.random.default_rng(3)
    assert follow([rng.bytes(16).hex() for _ in range(5_000)]) == []
    assert follow([str(rng.integers(10**12)) for _ in range(5_000)]) == []


def test_a_new_block_and_a_restart_are_no_holes():
    blocks = [*range(1, 1_000), *range(5_000_000, 5_001_000), *range(1, 1_000)]
    assert follow(named(blocks)) == []


def test_one_number_out_of_the_way_does_not_blind_the_sequence():
    numbers = [*range(1, 1_000), 1_500, *range(1_000, 2_600), *range(2_620, 4_000)]
    assert [hit[3] for hit in follow(named(numbers))] == [19 + 1]


def test_sequences_are_told_apart_by_their_names():
    texts = [text for n in range(1, 2_000) for text in named([n], "web") + named([2 * n], "app")]
    texts = [text for text in texts if not "web00001000" <= text < "web00001020"]
    assert [hit[1:] for hit in follow(texts)] == [("web", 999, 20)]


@given(cuts=st.sets(st.integers(1, 1_499), max_size=8), seed=st.integers(0, 5))
@settings(max_examples=25, deadline=None)
def test_where_the_log_is_cut_does_not_show(cuts, seed):
    rng = np.random.default_rng(seed)
    texts = named([int(n) for n in np.arange(1_520) + rng.integers(0, 9, 1_520) if not 900 <= n < 920])
    whole = follow(texts)
    numbers, pieces = OrderNumbers(300.0, 1e-9, 3), []
    for start, stop in zip([0, *sorted(cuts)], [*sorted(cuts), len(texts)], strict=True):
        if start < stop:
            pieces += [(at + start, *rest) for at, *rest in follow(texts[start:stop], numbers=numbers, begin=start)]
    assert pieces == whole
