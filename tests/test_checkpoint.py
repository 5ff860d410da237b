"""Checkpoints without Kafka: whatever was written last, and whoever wrote it, what is read back is a whole state."""

from __future__ import annotations

import random
from contextlib import suppress
from copy import deepcopy
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from config.settings import load
from features.state import State
from stream.checkpoint.cutter import INLINE_BYTES
from stream.checkpoint.marker import Key
from stream.checkpoint.packed import PackedWrong, packed, unpacked
from stream.checkpoint.saver import Saver
from stream.checkpoint.schema import StateRefused, check_schema, schema_of
from stream.checkpoint.shelf import Shelf
from stream.checkpoint.slab_hash import SLAB_BYTES, slab_hashes
from stream.checkpoint.units import MERGE, split
from stream.pipeline import Pipeline
from tests.parts.same_state import differences
from tests.small_shop import PARTITIONS, REGISTER, alerts_of, default_settings, log

SCHEMA = {"layout": "1"}
NAMES = ("judge.0/a", "judge.1/a", "partition.1/b", "across/c", "incidents/d")
DTYPES = ("u1", "?", "<i4", "<f8", [("live", "<i8"), ("level", "<f8", (2,))])

Write = tuple[bytes, bytes | None]


def states(seed: int, count: int) -> list[State]:
    """States one after another: arrays grow, shrink, change in a place or two, come and go."""
    draw = random.Random(seed)
    state: State = {}
    out = []
    for _ in range(count):
        for name in NAMES:
            state[name] = changed(draw, state.get(name))
        out.append(deepcopy(state))
        if draw.random() < 0.2:
            del state[draw.choice(NAMES[1:])]
    return out


def changed(draw: random.Random, array):
    if array is None or draw.random() < 0.2:
        return np.zeros(draw.choice((0, 1, 3, 700, 20_000, 90_001)), np.dtype(draw.choice(DTYPES)))
    if draw.random() < 0.4:
        array = np.resize(array, max(0, len(array) + draw.randint(-9_000, 20_000)))
    data = array.reshape(-1).view(np.uint8)
    for _ in range(draw.randint(0, 3) if len(data) else 0):
        data[draw.randrange(len(data))] ^= draw.randint(0, 1)
    return array


def same(one: State, other: State) -> bool:
    return one.keys() == other.keys() and all(
        (array.dtype, array.shape, array.tobytes()) == (other[name].dtype, other[name].shape, other[name].tobytes())
        for name, array in one.items()
    )


def written(saver: Saver, state: State, offset: int) -> list[Write]:
    """All that a checkpoint writes, in order."""
    checkpoint = saver.begin(state, {0: offset, 1: offset})
    records = checkpoint.objects + saver.markers(checkpoint)
    writes: list[Write] = [(str(key).encode(), value) for key, value in records]
    return writes + [(str(key).encode(), None) for key in saver.end(checkpoint)]


def shelf_of(writes: list[Write]) -> Shelf:
    shelf = Shelf()
    for key, value in writes:
        shelf.put(key, value)
    return shelf


def compacted(writes: list[Write]) -> list[Write]:
    """What Kafka may leave of them: the last record of each key."""
    last = {key: number for number, (key, _) in enumerate(writes)}
    return [write for number, write in enumerate(writes) if last[write[0]] == number]


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_what_is_read_back_is_what_was_saved_last(seed: int) -> None:
    saver, writes = Saver(SCHEMA, 7), []
    for offset, state in enumerate(states(seed, 5)):
        writes += written(saver, state, offset)
        saved = shelf_of(writes).newest()
        assert saved is not None
        assert same(saved.state, state)
        assert (saved.epoch, saved.version, saved.offsets) == (7, offset + 1, {0: offset, 1: offset})


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 2**32), cut=st.floats(0, 1))
def test_a_death_between_any_two_writes_leaves_the_last_whole_checkpoint(seed: int, cut: float) -> None:
    saver, writes, ends = Saver(SCHEMA, 1), [], []
    history = states(seed, 4)
    for offset, state in enumerate(history):
        new = written(saver, state, offset)
        whole = max(number for number, (key, value) in enumerate(new) if key.endswith(b"/marker") and value)
        ends.append(len(writes) + whole + 1)
        writes += new
    died = int(cut * len(writes))
    for left in (writes[:died], compacted(writes[:died])):
        saved = shelf_of(left).newest()
        done = sum(end <= died for end in ends)
        if done == 0:
            assert saved is None
        else:
            assert saved is not None
            assert saved.version == done
            assert same(saved.state, history[done - 1])


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_former_owner_that_goes_on_writing_harms_nothing(seed: int) -> None:
    draw = random.Random(seed)
    zombie, topic = Saver(SCHEMA, 1), []
    history = iter(states(seed, 8))
    known = {}

    def save(saver: Saver, offset: int) -> list[Write]:
        known[saver.epoch, offset] = next(history)
        return written(saver, known[saver.epoch, offset], offset)

    topic += save(zombie, 1) + save(zombie, 2)
    owner = Saver(SCHEMA, 2, list(shelf_of(topic).keys))
    theirs = [write for offset in (3, 4, 5) for write in save(zombie, offset)]
    ours = [write for offset in (1, 2, 3) for write in save(owner, offset)]
    while theirs or ours:
        topic.append((theirs if not ours or (theirs and draw.random() < 0.5) else ours).pop(0))
        if draw.random() < 0.02 or not ours:
            saved = shelf_of(topic).newest()
            assert saved is not None
            assert same(saved.state, known[saved.epoch, saved.offsets[0]])
            assert ours or (saved.epoch, saved.offsets[0]) == (2, 3)
    heir = Saver(SCHEMA, 3, list(shelf_of(topic).keys))
    for offset, state in enumerate(states(seed + 1, 3)):
        topic += written(heir, state, offset)
    assert {key.epoch for key in shelf_of(topic).keys} == {3}


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32), epochs=st.integers(1, 3))
def test_a_member_that_stands_by_has_at_any_moment_what_reading_everything_gives(seed: int, epochs: int) -> None:
    draw, standby, topic = random.Random(seed), Shelf(keeps_arrays=True), []
    for epoch in range(1, epochs + 1):
        saver = Saver(SCHEMA, epoch, list(standby.keys))
        for offset, state in enumerate(states(seed + epoch, 4)):
            new = written(saver, state, offset)
            while new:
                topic.append(new.pop(0))
                standby.put(*topic[-1])
                if draw.random() < 0.1 or not new:
                    mine, fresh = standby.newest(), shelf_of(compacted(topic)).newest()
                    assert (mine is None) == (fresh is None)
                    assert mine is None or (mine.version, mine.offsets) == (fresh.version, fresh.offsets)
                    assert mine is None or same(mine.state, fresh.state)
    assert standby.newest().epoch == epochs


def test_a_slab_that_was_harmed_on_the_way_is_read_again_once_it_is_whole() -> None:
    saver, standby = Saver(SCHEMA, 1), Shelf(keeps_arrays=True)
    array = np.arange(30_000)
    for key, value in written(saver, {"across/c": array}, 1):
        standby.put(key, value)
    assert standby.newest().version == 1
    array[-1] = 0
    writes = written(saver, {"across/c": array}, 2)
    object_, marker = writes[0], next(write for write in writes if write[0].endswith(b"marker"))
    standby.put(object_[0], b"\x00" + b"?" * (30_000 * 8 % SLAB_BYTES))
    standby.put(*marker)
    assert same(standby.newest().state, {"across/c": np.arange(30_000)})
    standby.put(*object_)
    assert same(standby.newest().state, {"across/c": array})


def test_only_what_the_last_two_checkpoints_name_is_kept() -> None:
    saver, shelf = Saver(SCHEMA, 1), Shelf()
    history = states(3, 8)
    counts = []
    for offset, state in enumerate(history):
        for key, value in written(saver, state, offset):
            shelf.put(key, value)
        counts.append(len(list(shelf.keys)))
    markers = [key for key in shelf.keys if key.number is None]
    assert {key.version for key in markers} == {7, 8}
    named = set()
    for key in markers:
        alone = Shelf()
        alone._records = dict(shelf._records)
        saved = alone.newest(key.unit)
        assert saved is not None
        for array in _marker(shelf, key).sliced.values():
            named |= {Key(key.unit, 1, *place) for place in zip(*map(np.ndarray.tolist, array.places), strict=True)}
    assert {key for key in shelf.keys if key.number is not None} == named


def _marker(shelf: Shelf, key: Key):
    from stream.checkpoint.marker import read_marker

    return read_marker(shelf._records[key])


def test_only_slabs_that_changed_are_written() -> None:
    saver = Saver(SCHEMA, 1)
    big, small = np.zeros(40_000), np.arange(5)
    first = saver.begin({"partition.0/big": big, "partition.0/small": small}, {})
    saver.end(first)
    assert len(first.objects) == -(-big.nbytes // SLAB_BYTES)
    assert small.nbytes <= INLINE_BYTES < big.nbytes
    big[20_000] = 1
    second = saver.begin({"partition.0/big": np.append(big, 1.0), "partition.0/small": small}, {})
    assert [key.number for key, _ in second.objects] == [0, 1]  # that one, and the last, which has grown
    saver.end(second)
    assert saver.begin({"partition.0/big": np.append(big, 1.0), "partition.0/small": small}, {}).objects == []


def test_a_checkpoint_that_failed_is_not_stood_upon_and_is_cleared_away() -> None:
    saver, shelf = Saver(SCHEMA, 1), Shelf()
    history = states(5, 3)
    for key, value in written(saver, history[0], 0):
        shelf.put(key, value)
    lost = saver.begin(history[1], {0: 1, 1: 1})
    for key, value in lost.objects + saver.markers(lost)[:1]:  # Kafka took these, and then no more
        shelf.put(str(key).encode(), value)
    saver.fail(lost)
    saved = shelf.newest()
    assert saved is not None
    assert same(saved.state, history[0])
    for key, value in written(saver, history[2], 2):
        shelf.put(key, value)
    saved = shelf.newest()
    assert saved is not None
    assert same(saved.state, history[2])
    assert {key.version for key in shelf.keys} == {1, 3}


@pytest.mark.parametrize("harm", ["missing", "other bytes", "no bytes", "torn marker"])
def test_a_checkpoint_that_is_not_whole_is_passed_over_and_said(harm: str, caplog) -> None:
    saver = Saver(SCHEMA, 1)
    state = {"judge.0/a": np.arange(30_000), "across/b": np.arange(4)}
    writes = written(saver, state, 1)
    state["judge.0/a"][:] += 1
    writes += written(saver, state, 2)
    assert (saved := shelf_of(writes).newest()) is not None
    assert saved.version == 2
    key = b"0/1/2/marker" if harm == "torn marker" else b"0/1/2/1"
    value = dict(writes)[key]
    assert value is not None
    harmed = {"missing": None, "other bytes": packed(b"x" * SLAB_BYTES), "no bytes": b"", "torn marker": value[:99]}
    saved = shelf_of([*writes, (key, harmed[harm])]).newest()
    assert saved is not None
    assert saved.version == 1
    assert saved.state["judge.0/a"].tolist() == list(range(30_000))
    assert "checkpoint 2 of epoch 1 is not whole" in caplog.text


def test_a_record_of_a_stranger_is_passed_over() -> None:
    shelf = shelf_of([(b"hello", b"world"), (b"\xff\x00", b""), (b"0/1/x/marker", b"1"), (b"", None)])
    assert (list(shelf.keys), shelf.epoch, shelf.newest()) == ([], 0, None)


@given(st.binary(max_size=200))
def test_bytes_that_nobody_packed_are_refused_or_read(data: bytes) -> None:
    assert unpacked(packed(data)) == data
    with suppress(PackedWrong):
        unpacked(data[:1] + bytes(4) + data[1:])


@given(size=st.integers(0, 3 * SLAB_BYTES), at=st.integers(0, 3 * SLAB_BYTES), bit=st.integers(0, 7))
def test_a_bit_anywhere_changes_the_hash_of_its_slab_and_of_no_other(size: int, at: int, bit: int) -> None:
    data = np.random.default_rng(size).integers(0, 256, size, np.uint8)
    before = slab_hashes(data)
    assert len(before) == -(-size // SLAB_BYTES)
    unaligned = np.concatenate([np.zeros(1, np.uint8), data])[1:]
    assert slab_hashes(unaligned).tolist() == before.tolist()
    if at < size:
        data[at] ^= 1 << bit
        differ = (slab_hashes(data) != before).nonzero()[0]
        assert differ.tolist() == [at // SLAB_BYTES]


def test_zeros_of_any_length_have_hashes_of_their_own() -> None:
    hashes = [slab_hashes(np.zeros(size, np.uint8)).tolist() for size in range(1, 200)]
    assert all(one != other for one, other in pairwise(hashes))


def test_an_array_of_objects_is_refused() -> None:
    with pytest.raises(ValueError, match="array across/x holds objects"):
        Saver(SCHEMA, 1).begin({"across/x": np.array([{}])}, {})


def test_units_are_the_partitions_and_the_rest() -> None:
    units = split({name: np.zeros(1) for name in ("seen.12/a", "judge.12/b", "across/held.1/c", "incidents/d")})
    assert {unit: sorted(part) for unit, part in units.items()} == {
        "12": ["judge.12/b", "seen.12/a"],
        MERGE: ["across/held.1/c", "incidents/d"],
    }


def test_settings_that_shape_the_state_are_named_when_they_differ_and_no_others() -> None:
    plain = schema_of(load())
    assert plain == schema_of(load(judge={"alert_score": 0.5}, alerts={"budget_per_day": 3}, redis={"stream": "x"}))
    assert plain == schema_of(load(rules={"total_mismatch": {"on": False}}))
    for changed, word in (
        ({"kafka": {"partitions": 5}}, "kafka.partitions"),
        ({"time": {"pane_seconds": 7}}, "time"),
        ({"state": {"max_orders": 10}}, "state"),
        ({"features": {"basket_total": {"on": False}}}, "features"),
        ({"detectors": {"half_space_trees": {"params": {"n_trees": 7}}}}, "detectors"),
    ):
        other = schema_of(load(**changed))
        assert {name for name in plain if plain[name] != other[name]} == {word}
        with pytest.raises(StateRefused, match=rf"saved state has {word} .* this worker .* --forget-state"):
            check_schema(other, plain)
    check_schema(plain, dict(plain))


def test_a_judge_that_has_gone_on_goes_back_to_a_checkpoint_and_to_nothing() -> None:
    """What a worker does that lost its partitions and has them again."""
    pipeline = Pipeline(default_settings(), partitions=PARTITIONS, promotions=REGISTER)
    blank = {name: array.copy() for name, array in pipeline.get_state().items()}
    half = [len(records) // 2 for records in log()]

    def read(begin: list[int], end: list[int]) -> list[bytes]:
        outcomes = [
            pipeline.process(number, records[begin[number] : end[number]]) for number, records in enumerate(log())
        ]
        return [alert.data for alert in alerts_of(outcomes)]

    first = read([0] * PARTITIONS, half)
    saved = shelf_of(written(Saver(SCHEMA, 1), pipeline.get_state(), 0)).newest()
    assert saved is not None
    ends = [len(records) for records in log()]
    rest = read(half, ends)
    for _ in range(2):
        pipeline.set_state(saved.state)
        assert differences(pipeline.get_state(), saved.state) == []
        assert read(half, ends) == rest
    pipeline.set_state(blank)
    assert differences(pipeline.get_state(), blank) == []
    assert read([0] * PARTITIONS, half) == first
    assert first
    assert rest
