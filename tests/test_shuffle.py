"""The law of the shuffle: however many workers share a log, and however they die, the alerts are those of one."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import Phase, given
from hypothesis import settings as runs
from hypothesis import strategies as st

from config.promotions import PromotionRegister
from models.examples import created, encoded, line, stock
from stream.checkpoint.saver import Saver
from stream.checkpoint.shelf import Shelf
from stream.checkpoint.units import MERGE
from stream.pipeline import Pipeline
from stream.record import StoredRecord
from stream.shuffle.block import read_block, written_block
from stream.shuffle.ledger import Ledger
from stream.shuffle.merge import Merge
from stream.shuffle.message import MessageRefused, Takeover, read_message, written_message
from stream.shuffle.slice_block import slice_arrays, slice_of
from stream.shuffle.spread import Spread
from stream.simulator import SimulatorSettings, promotions_of, simulate
from stream.simulator.incidents import make
from tests.parts.same_state import differences, learned
from tests.small_shop import PARTITIONS, REGISTER, alerts_of, default_settings, log, partitioned, reference

MOST_MEMBERS = 4
HOUR = 3600.0


@pytest.fixture(scope="module")
def hands():
    """Members and mergers that each run takes anew: whatever they knew, a takeover makes them forget."""
    spreads = [Spread(default_settings(), REGISTER, PARTITIONS) for _ in range(MOST_MEMBERS)]
    mergers = [Merge(default_settings(), REGISTER, PARTITIONS) for _ in range(2)]
    blank = {name: array.copy() for name, array in mergers[0].get_state().items()}
    return spreads, mergers, blank


class Cluster:
    """Some members, the topic of slices and the state changelog, with everything that may go wrong between them."""

    def __init__(self, hands, members: int, draw: random.Random) -> None:
        spreads, self.mergers, self.blank = hands
        self.members, self.draw = spreads[:members], draw
        for member in self.members:
            member.let_go()
        self.topic: list[bytes | None] = []
        self.changelog: list[tuple[bytes, bytes | None]] = []
        self.owner: dict[int, Spread] = {}
        self.read: dict[tuple[int, int], int] = {}  # member and partition -> the offset that it reads next
        self.savers: dict[tuple[int, str], Saver] = {}
        self.zombies: list[tuple[Spread, dict[int, int]]] = []
        self.epoch = 0
        self.told: list[bytes] = []
        self.doubled = 0
        self.saved_position = 0
        self.take_merge()
        for partition in range(PARTITIONS):
            self.take_over(self.draw.choice(self.members), [partition])

    # --- Kafka -----------------------------------------------------------------------------------

    def shelf(self) -> Shelf:
        shelf = Shelf()
        for key, value in self.changelog:
            shelf.put(key, value)
        return shelf

    def write(self, records, dies_within: bool = False) -> bool:
        records = list(records)
        kept = records[: self.draw.randint(0, len(records))] if dies_within else records
        self.changelog += [(str(key).encode(), value) for key, value in kept]
        return not dies_within

    # --- members ---------------------------------------------------------------------------------

    def take_over(self, member: Spread, partitions: list[int]) -> None:
        self.epoch += 1
        shelf = self.shelf()
        merged = shelf.newest(MERGE)
        ledger, begin = Ledger(PARTITIONS), 0
        if merged is not None:
            begin = int(merged.state["reading/position"][0])
            ledger.set_state({name[7:]: array for name, array in merged.state.items() if name.startswith("ledger/")})
        self.topic += [written_message(Takeover(partition, self.epoch, 0)) for partition in partitions]
        for value in self.topic[begin:]:
            ledger.counts(read_message(value))
        for partition in partitions:
            saved = shelf.newest(str(partition), upto=ledger.sent(partition))
            state, offset = (None, 0) if saved is None else (saved.state, saved.offsets[partition])
            member.take_over(partition, self.epoch, state, offset, ledger.sent(partition))
            self.topic += member.silences()
            self.owner[partition] = member
            self.read[id(member), partition] = offset
            foreign = [key for key in shelf.keys if key.unit == str(partition)]
            self.savers[id(member), str(partition)] = Saver({}, self.epoch, foreign)

    def process(self, member: Spread, partition: int) -> None:
        at, size = self.read[id(member), partition], self.draw.randint(1, 300)
        records = log()[partition][at : at + size]
        if records:
            self.read[id(member), partition] = records[-1].offset + 1
            self.topic += member.process(partition, records, at_end=False).messages

    def save(self, member: Spread, partition: int, *, dies_within: bool = False) -> None:
        saver, offset = self.savers[id(member), str(partition)], member.mark(partition)[0]
        checkpoint = saver.begin(member.get_state(partition), {partition: offset})
        dies_at_markers = self.draw.random() < 0.5
        if not self.write(checkpoint.objects, dies_within and not dies_at_markers):
            return
        if self.write(saver.markers(checkpoint), dies_within):
            self.write((key, None) for key in saver.end(checkpoint))

    def kill(self, member: Spread, *, wakes_up: bool) -> None:
        """Give its partitions to others; one that wakes up finds out only after another few batches."""
        lost = [partition for partition, owner in self.owner.items() if owner is member]
        others = [each for each in self.members if each is not member]
        if not others or not lost:
            return
        if wakes_up and member not in [zombie for zombie, _ in self.zombies]:
            self.zombies.append((member, {p: self.read[id(member), p] for p in lost}))
        else:
            member.let_go()
            self.zombies = [(zombie, reading) for zombie, reading in self.zombies if zombie is not member]
        for partition in lost:
            awake = [each for each in others if each not in [zombie for zombie, _ in self.zombies]]
            self.take_over(self.draw.choice(awake or others), [partition])

    def wake(self) -> None:
        """A former owner goes on for a moment, and saves what it thinks is right."""
        member, reading = self.zombies.pop()
        for partition in reading:
            if partition in member.offsets and self.owner[partition] is not member:
                self.process(member, partition)
                self.save(member, partition)
        for partition in [each for each in member.offsets if self.owner[each] is not member]:
            member.forget(partition)

    # --- stage two -------------------------------------------------------------------------------

    def take_merge(self) -> None:
        self.mergers.reverse()
        self.merge, saved = self.mergers[0], self.shelf().newest(MERGE)
        self.merge.set_state(self.blank if saved is None else saved.state)
        self.merge_saver = Saver({}, self.epoch + 1, [key for key in self.shelf().keys if key.unit == MERGE])
        self.epoch += 1

    def merge_some(self, most: int) -> None:
        for offset in range(self.merge.position, min(len(self.topic), self.merge.position + most)):
            self.told += [alert.data for alert in self.merge.take(offset, self.topic[offset])]

    def save_merge(self) -> None:
        checkpoint = self.merge_saver.begin(self.merge.get_state(), {})
        self.write(checkpoint.objects)
        self.write(self.merge_saver.markers(checkpoint))
        self.write((key, None) for key in self.merge_saver.end(checkpoint))
        before, self.saved_position = self.saved_position, self.merge.position
        self.topic[:before] = [None] * before  # deleted: nobody may read it any more

    # --- all of it -------------------------------------------------------------------------------

    def step(self) -> None:
        what, member = self.draw.random(), self.draw.choice(self.members)
        owned = [partition for partition, owner in self.owner.items() if owner is member]
        if what < 0.5 and owned:
            self.process(member, self.draw.choice(owned))
        elif what < 0.6 and owned:
            self.save(member, self.draw.choice(owned))
        elif what < 0.66 and owned and len(self.members) > 1:
            self.save(member, self.draw.choice(owned), dies_within=True)
            self.kill(member, wakes_up=False)
        elif what < 0.72:
            self.kill(member, wakes_up=self.draw.random() < 0.7)
        elif what < 0.76 and self.zombies:
            self.wake()
        elif what < 0.8:
            fresh = [value for value in self.topic[-self.draw.randint(1, 4) :] if value is not None]
            self.topic += fresh  # sent again, since an acknowledgement was lost
        elif what < 0.92:
            self.merge_some(self.draw.randint(1, 20))
        elif what < 0.96:
            self.save_merge()
        else:
            self.take_merge()

    def finish(self) -> list[bytes]:
        while self.zombies:
            self.wake()
        for partition, owner in self.owner.items():
            while self.read[id(owner), partition] < len(log()[partition]):
                self.process(owner, partition)
        for member in self.members:
            self.topic += member.at_end()
        self.merge_some(len(self.topic))
        return self.told


def once(told: list[bytes]) -> list[bytes]:
    """What a channel that takes each id once lets through; the same id must be the same alert."""
    return list(dict.fromkeys(told))


@pytest.mark.parametrize("members", [1, 2, 4])
@runs(max_examples=2, phases=[Phase.generate])  # to shrink a history of kills takes minutes, and makes it no plainer
@given(draw=st.integers(0, 1 << 32))
def test_the_alerts_are_those_of_one_worker(hands, members, draw) -> None:
    cluster = Cluster(hands, members, random.Random(draw))
    for _ in range(120):
        cluster.step()
    assert once(cluster.finish()) == list(reference())


def shared(hands, members: int) -> tuple[list[Spread], Merge, list[bytes | None]]:
    """Members that have the partitions in turn, and a merger that has read their takeovers."""
    spreads, (merge, _), blank = hands
    merge.set_state(blank)
    topic = [written_message(Takeover(partition, 1, 0)) for partition in range(PARTITIONS)]
    for member in spreads:
        member.let_go()
    for partition in range(PARTITIONS):
        spreads[partition % members].take_over(partition, 1, None, 0, 0)
    return spreads[:members], merge, topic


def merged(merge: Merge, topic: list[bytes]) -> list[bytes]:
    """What follows of the messages that were not merged yet."""
    return [alert.data for at in range(merge.position, len(topic)) for alert in merge.take(at, topic[at])]


@pytest.mark.parametrize("members", [1, 3])
def test_silence_leads_to_what_it_leads_to_in_one_worker(hands, members) -> None:
    spreads, merge, topic = shared(hands, members)
    alone = Pipeline(default_settings(), partitions=PARTITIONS, promotions=REGISTER)
    expected, told = [], []
    for start, end, quiet_ms in ((0, 300, 0), (300, 301, 3_600_000), (301, 1_000_000, 40 * 3_600_000)):
        for partition, records in enumerate(log()):
            if records[start:end]:
                expected += alerts_of([alone.process(partition, records[start:end])])
                topic += spreads[partition % members].process(partition, records[start:end], at_end=False).messages
        now_ms = alone.clock_ms + quiet_ms
        expected += alerts_of([alone.advance(now_ms)])
        for member in spreads:
            member.advance(now_ms)
            topic += member.silences()
        for member in spreads:
            topic += member.silences()  # said again, since nobody knows whether it was
            topic += member.at_end()
        told += merged(merge, topic)
    assert [alert.data for alert in expected] == told
    assert len(told) > len(reference())


def test_a_partition_whose_owner_says_nothing_is_waited_for(hands) -> None:
    (one, other), merge, topic = shared(hands, 2)
    for partition in (0, 2):
        topic += one.process(partition, log()[partition], at_end=True).messages
    assert merged(merge, topic) == []  # partitions 1 and 3 have given no word yet
    for partition in (1, 3):
        topic += other.process(partition, log()[partition][:100], at_end=True).messages
    some = merged(merge, topic)
    topic += one.at_end()
    assert some + merged(merge, topic)


def whole_shop() -> SimulatorSettings:
    """Seven hours of a shop that sends every kind of event, stock levels too."""
    troubles = ("oversell", "failing_payments", "phantom_stock", "malformed", "reused_numbers", "price_typo")
    incidents = [
        make(name, after_seconds=(3.0 + number / 2) * HOUR, duration_seconds=0.4 * HOUR)
        for number, name in enumerate(troubles)
    ]
    return SimulatorSettings(
        seed=5,
        duration_seconds=7 * HOUR,
        orders_per_second=0.06,
        latency_scale=1 / 240,
        products=100,
        incidents=tuple(incidents),
    )


def in_pieces(parts, seed: int):
    """A partition and the next records of it, again and again, until all are read."""
    draw, at = random.Random(seed), [0] * len(parts)
    while unread := [partition for partition, records in enumerate(parts) if at[partition] < len(records)]:
        partition, size = draw.choice(unread), draw.randint(1, 300)
        yield partition, parts[partition][at[partition] : at[partition] + size]
        at[partition] += size


def test_what_a_whole_shop_leads_to_and_teaches_is_that_of_one_worker() -> None:
    shop = whole_shop()
    parts = partitioned([event.value for event in simulate(shop)])
    settings, register = default_settings(), PromotionRegister.parse(promotions_of(shop))
    alone = Pipeline(settings, partitions=PARTITIONS, promotions=register)
    expected = alerts_of([*(alone.process(*piece) for piece in in_pieces(parts, 1)), alone.finish()])
    assert len(expected) > 20

    spreads = [Spread(settings, register, PARTITIONS) for _ in range(2)]
    merge = Merge(settings, register, PARTITIONS)
    topic = [written_message(Takeover(partition, 1, 0)) for partition in range(PARTITIONS)]
    for partition in range(PARTITIONS):
        spreads[partition % 2].take_over(partition, 1, None, 0, 0)
    for partition, records in in_pieces(parts, 2):
        topic += spreads[partition % 2].process(partition, records, at_end=False).messages
    topic += [message for spread in spreads for message in spread.at_end()]
    assert merged(merge, topic) == [alert.data for alert in expected]
    state = merge.get_state()
    for partition in range(PARTITIONS):
        state |= spreads[partition % 2].get_state(partition)
    assert differences(learned(state), learned(alone.get_state())) == []


SALES_AND_STOCK = [
    created("o1", line_items=[line(sku="S1", quantity=3), line(sku="S9", quantity=2)]),
    stock("S9", 4, at=1),
    created("o2", line_items=[line(sku="S9")], at=2),
    stock("S1", 0, at=3),
    stock("S9", 4, at=3),
]


@pytest.mark.parametrize(
    "records",
    [log()[0], [StoredRecord(encoded(event), b"", offset) for offset, event in enumerate(SALES_AND_STOCK)]],
    ids=["orders", "stock"],
)
def test_a_slice_is_the_same_as_bytes(records) -> None:
    stage = Spread(default_settings(), REGISTER, PARTITIONS).stage
    piece = stage.process(0, records).piece
    arrays = slice_arrays(piece)
    again = slice_arrays(slice_of(read_block(written_block(arrays))))
    assert arrays.keys() == again.keys()
    assert all(np.array_equal(array, again[name]) for name, array in arrays.items())
    for (keys, at), (others, others_at) in zip(piece.counts, slice_of(arrays).counts, strict=True):
        assert np.array_equal(keys.hash, others.hash)
        assert np.array_equal(at, others_at)
        assert list(keys.take(np.arange(len(keys)))) == list(others.take(np.arange(len(keys))))


@pytest.mark.parametrize("value", [b"", b"\x07", bytes([1]), bytes([1, 0]) + b"rubbish"])
def test_what_is_no_slice_is_refused_in_one_line(value) -> None:
    with pytest.raises(MessageRefused, match=r"^[^\n]+$"):
        read_message(value)
