"""Events from a file go where Kafka's producers would send them."""

from __future__ import annotations

import json

import pytest
from aiokafka.partitioner import DefaultPartitioner
from hypothesis import given
from hypothesis import strategies as st

from features.partitioner import key_of, partitions_of
from stream.replay import batches


@given(st.lists(st.binary(max_size=80)), st.integers(1, 64))
def test_the_partition_is_the_one_that_kafkas_default_partitioner_chooses(keys, partitions):
    everywhere = list(range(partitions))
    chosen = [DefaultPartitioner()(key, everywhere, everywhere) for key in keys]
    assert partitions_of(keys, partitions).tolist() == chosen


@given(st.text(min_size=1), st.text(min_size=1))
def test_an_order_is_named_by_its_id_and_a_stock_level_by_its_sku(order_id, sku):
    names = {"order_id": order_id, "sku": sku}
    assert key_of(json.dumps({"event_type": "order.paid", **names}).encode()) == order_id.encode()
    assert key_of(json.dumps({"event_type": "inventory.updated", **names}).encode()) == sku.encode()


def test_an_event_in_a_cloud_event_has_the_key_of_the_event():
    event = {"event_type": "order.paid", "order_id": "o1"}
    assert key_of(json.dumps({"specversion": "1.0", "type": "order", "data": event}).encode()) == b"o1"


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"{",
        b"[]",
        b"null",
        b"\xff\xfe",
        b'{"order_id": 7}',
        b'{"event_type": "order.paid"}',
        b'{"data": "x"}',
    ],
)
def test_what_names_nothing_has_no_key_and_still_a_place(value):
    assert key_of(value) is None
    assert partitions_of([value], 4)[0] in range(4)


def test_offsets_count_up_in_each_partition_whatever_the_batches():
    lines = [json.dumps({"event_type": "order.paid", "order_id": f"o{i % 17}"}).encode() for i in range(100)]

    def logs(most_lines):
        found = {}
        for partition, records in batches(lines, 4, most_lines):
            found.setdefault(partition, []).extend(records)
        return found

    whole = logs(1000)
    assert whole == logs(7)
    assert sum(map(len, whole.values())) == 100
    assert all([record.offset for record in log] == list(range(len(log))) for log in whole.values())
