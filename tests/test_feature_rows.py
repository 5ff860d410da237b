"""The rows of the feature log: those computed offline, bit for bit, however the log was cut."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pytest

import features
from config.settings import load
from features.parity import same_bits
from features.table import BEGAN, HASH
from stream.feature_log import VERSIONS, read_block
from stream.pipeline import Pipeline
from stream.scored_rows import RAW, SCORE
from tests.feature_blocks import blocks, in_order, lines, logged
from tests.small_shop import PARTITIONS, REGISTER
from tests.small_shop import log as small_shop_log


def test_logged_features_are_those_computed_offline_bit_for_bit():
    live = in_order(logged(blocks()))
    offline = in_order(features.compute(lines(), progress=False))
    names = [name for name in offline.schema.names if name != HASH]
    assert same_bits(live.select(names), offline.select(names))
    assert set(live[HASH].to_pylist()) == set(offline[HASH].to_pylist())


def test_a_row_says_what_scored_it_and_with_what_outcome():
    table = logged(blocks())
    scores = [name for name in table.schema.names if name.startswith(SCORE)]
    assert f"{SCORE}price_outlier" in scores
    assert np.nanmax(table[f"{SCORE}price_outlier"].to_numpy()) > 0.99
    assert np.isfinite(table[f"{RAW}half_space_trees"].to_numpy()).any()
    found = [kind for kind in table["verdict_kinds"].to_pylist() if kind]
    assert "price.below_cost" in found
    assert len(found) == np.count_nonzero(~np.isnan(table["verdict_score"].to_numpy()))
    assert json.loads(table[VERSIONS][0].as_py())["half_space_trees"] == "3"
    assert set(table[BEGAN].to_pylist()) == {0}


def test_a_sample_keeps_every_row_with_a_verdict_and_is_the_same_at_each_reading():
    whole, part = logged(blocks()), logged(blocks(0.25))
    kept = set(part["event_id"].to_pylist())
    verdicts = {
        row["event_id"] for row in whole.select(["event_id", "verdict_kinds"]).to_pylist() if row["verdict_kinds"]
    }
    assert verdicts <= kept
    assert 0.2 < (len(kept) - len(verdicts)) / (whole.num_rows - len(verdicts)) < 0.3
    assert same_bits(part, logged(blocks.__wrapped__(0.25)))
    nothing_but = logged(blocks(0.0))
    assert set(nothing_but["event_id"].to_pylist()) == verdicts


@cache
def of_the_small_shop(sample=1.0, most=400, stop=None):
    """The rows of a shop with an order that was placed twice, and the alerts; the worker may be replaced meanwhile."""
    worker = small_shop(sample)
    outcomes, number = [], 0
    for begin in range(0, max(map(len, small_shop_log())), most):
        for partition, records in enumerate(small_shop_log()):
            if number == stop:
                state = worker.get_state()
                worker = small_shop(sample)
                worker.set_state(state)
            outcomes.append(worker.process(partition, records[begin : begin + most]))
            number += 1
    outcomes.append(worker.finish())
    told = [block for outcome in outcomes for rows in outcome.scored for block in [worker.feature_log.block([rows])]]
    alerts = [json.loads(alert.data)["data"] for outcome in outcomes for alert in outcome.alerts]
    return pa.concat_tables([read_block(block.value) for block in told], promote_options="default"), alerts


def small_shop(sample):
    return Pipeline(load(feature_log={"on": True, "sample": sample}), partitions=PARTITIONS, promotions=REGISTER)


def test_a_sample_keeps_the_orders_that_only_all_partitions_together_show():
    (whole, alerts), (kept, _) = of_the_small_shop(), of_the_small_shop(0.0)
    double = {order for data in alerts if data["kind"] == "duplicate.order" for order in data["order_ids"]}
    kinds = {row["order_id"]: row["verdict_kinds"] for row in whole.select(["order_id", "verdict_kinds"]).to_pylist()}
    assert {kinds[order] for order in double} == {"duplicate.order"}
    assert set(kept["order_id"].to_pylist()) == {order for order, told in kinds.items() if told}
    assert 0 < kept.num_rows < whole.num_rows / 2


@pytest.mark.parametrize(("most", "stop"), [(7, None), (2000, None), (60, 3), (60, 29)])
def test_rows_are_the_same_wherever_the_log_was_cut_and_the_worker_replaced(most, stop):
    for sample in (1.0, 0.1):
        rows, same = of_the_small_shop(sample)[0], of_the_small_shop(sample, most, stop)[0]
        assert same_bits(in_order(rows), in_order(same))
    for partition in range(PARTITIONS):
        offsets = rows.filter(pa.compute.field("partition") == partition)["offset"].to_numpy()
        assert (np.diff(offsets) > 0).all()


def test_an_offset_is_held_back_while_its_row_waits():
    worker = small_shop(1.0)
    outcome = worker.process(0, small_shop_log()[0])
    assert outcome.scored == []
    assert outcome.held[0] == 0
