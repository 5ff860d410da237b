"""State as arrays: a pipeline that is stopped anywhere and goes on elsewhere says what one that never stopped says."""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.keys import Keys
from features.state import State, gathered, part_of, read_back, written
from features.text import Text
from models.examples import created, encoded, paid
from stream.alert import Alert
from stream.pipeline import Pipeline
from stream.record import StoredRecord
from tests.parts.same_state import differences
from tests.small_shop import PARTITIONS, REGISTER, default_settings, log, reference


def fresh() -> Pipeline:
    return Pipeline(default_settings(), partitions=PARTITIONS, promotions=REGISTER)


def stored(state: State) -> State:
    """A state as it comes back from disk: other memory, read-only."""
    copies = {name: np.frombuffer(array.tobytes(), array.dtype).reshape(array.shape) for name, array in state.items()}
    return {name: copies[name] for name in random.Random(1).sample(sorted(copies), len(copies))}


def run_with_stops(seed: int, stops: Sequence[int]) -> list[Alert]:
    """Read the log in pieces; before the pieces numbered in `stops`, another pipeline takes over."""
    draw, parts, pipeline = random.Random(seed), log(), fresh()
    position, alerts, number = [0] * len(parts), [], 0
    while unread := [p for p in range(len(parts)) if position[p] < len(parts[p])]:
        if number in stops:
            state = stored(pipeline.get_state())
            pipeline = fresh()
            pipeline.set_state(state)
        partition, size = draw.choice(unread), draw.randint(1, 400)
        records = parts[partition][position[partition] : position[partition] + size]
        position[partition] += size
        alerts += pipeline.process(partition, records).alerts
        number += 1
    return alerts + pipeline.finish().alerts


@settings(max_examples=6, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), stops=st.lists(st.integers(0, 14), min_size=1, max_size=4))
def test_stopping_anywhere_changes_no_bit_of_any_alert(seed: int, stops: list[int]) -> None:
    assert tuple(alert.data for alert in run_with_stops(seed, stops)) == reference()


def with_unknown_orders() -> tuple[StoredRecord, ...]:
    """Orders that are paid, and payments of orders that nobody placed: no stage ends with those."""
    events = [
        event
        for n in range(40)
        for event in (created(f"o{n}", at=60.0 * n), paid(f"o{n}", at=60.0 * n + 1), paid(f"x{n}", at=60.0 * n + 2))
    ]
    return tuple(StoredRecord(encoded(event), b"k", offset) for offset, event in enumerate(events))


@settings(max_examples=6, deadline=None)
@given(cuts=st.lists(st.integers(1, 119), max_size=12))
def test_where_a_log_is_cut_changes_no_bit_of_what_is_learned(cuts: list[int]) -> None:
    one, other, records = fresh(), fresh(), with_unknown_orders()
    one.process(0, records, wait=False)
    for begin, end in pairwise([0, *sorted({*cuts, 2, 3}), len(records)]):
        other.process(0, records[begin:end], wait=False)
    assert differences(one.get_state(), other.get_state()) == []


def test_a_state_says_the_same_again() -> None:
    pipeline, other = fresh(), fresh()
    for partition, records in enumerate(log()):
        pipeline.process(partition, records)
    state = stored(pipeline.get_state())
    other.set_state(state)
    again = other.get_state()
    assert again.keys() == state.keys()
    for name, array in state.items():
        n = len(array)  # room for later rows is no state
        assert again[name][:n].tobytes() == array.tobytes(), name


def test_parts_of_a_state_are_found_under_their_names() -> None:
    state = gathered({"a": {"x": np.array([1])}, "ab": {"x": np.array([2])}})
    assert part_of(state, "a")["x"].tolist() == [1]
    assert part_of(state, "ab")["x"].tolist() == [2]


def test_what_is_small_comes_back_as_it_was() -> None:
    assert read_back(written({"b": [1.5, None], "a": []}), dict[str, list[float | None]]) == {"a": [], "b": [1.5, None]}


@settings(max_examples=50, deadline=None)
@given(keys=st.lists(st.sampled_from([f"k{i}" * 12 for i in range(12)]), max_size=80), cut=st.integers(0, 80))
def test_keys_go_on_with_the_same_rows_and_names(keys: list[str], cut: int) -> None:
    whole, first, second = Keys("k", 7), Keys("k", 7), Keys("k", 7)
    rows, fresh_ = whole.rows(Text.of(keys))
    first.rows(Text.of(keys[:cut]))
    second.set_state(stored(first.get_state()))
    rest = second.rows(Text.of(keys[cut:]))
    assert rest[0].tolist() == rows[cut:].tolist()
    assert rest[1].tolist() == fresh_[cut:].tolist()
    assert second.names[: second.size] == whole.names[: whole.size]


def test_a_state_of_more_keys_than_fit_is_refused_by_the_knob() -> None:
    large = Keys("order", 100)
    large.rows(Text.of([f"o{i}" for i in range(80)]))
    with pytest.raises(ValueError, match=r"80 keys, state\.max_orders is 50"):
        Keys("order", 50).set_state(large.get_state())
