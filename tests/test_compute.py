"""Features of stored orders are the live ones, to the last bit, however the orders are given."""

from __future__ import annotations

import gzip
from functools import cache

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import features
from config.promotions import PromotionRegister
from config.sections import PartSettings
from config.settings import load
from features.fingerprint import fingerprint
from features.order_rows import order_rows
from features.parity import same_bits
from features.table import HASH, NAMING
from stream.assembly import Assembly
from stream.decode import Decoder
from stream.replay import batches
from stream.simulator import SimulatorSettings, simulate
from tests.small_shop import log as small_log

MOST_LINES = 700


@cache
def lines():
    """Three simulated hours, with what may happen on the way: rubbish, repeats, an envelope, an odd spelling."""
    values = [
        event.value for event in simulate(SimulatorSettings(seed=3, duration_seconds=10_800, orders_per_second=0.3))
    ]
    odd = values[40].replace(b'"order_id":"', b'"order_id":"\\u00e4')
    wrapped = b'{"specversion": "1.0", "data": ' + values[41] + b"}"
    future = values[42].replace(b"2026-", b"2999-")
    values[41] = wrapped
    values[400:400] = [b"rubbish", b'{"event_type": 7}', odd, future, values[390], values[391], b'{"a": "\xff"}']
    return tuple(values)


@cache
def live():
    """Batch by batch what a worker works out, in the order of the log of each partition."""
    settings = load()
    assembly = Assembly(settings, PromotionRegister({}))
    n = settings.kafka.partitions
    decoders = [Decoder(number, settings.decode) for number in range(n)]
    partitions = [assembly.partition() for _ in range(n)]
    done = []
    for number, records in batches(lines(), n, MOST_LINES):
        batch = decoders[number].decode(records).batch
        partitions[number].transform(batch)
        done.append((number, batch))
    return done


def of_partition(table, number):
    return table.take(np.flatnonzero(table["partition"].to_numpy() == number))


def same_floats(one, other):
    assert np.asarray(one, np.float64).tobytes() == np.asarray(other, np.float64).tobytes()


@pytest.fixture(scope="module")
def computed():
    return features.compute(lines(), progress=False)


def test_orders_computed_offline_are_the_live_ones_bit_for_bit(computed):
    names = [name for name in computed.schema.names if name not in {*NAMING, HASH}]
    assert {"price_deviation", "promotion_depth", "discount_depth", "basket_total"} <= set(names)
    for number in range(load().kafka.partitions):
        mine = of_partition(computed, number)
        seen = [batch for partition, batch in live() if partition == number]
        assert mine["offset"].to_pylist() == [o for b in seen for o in b.offset[b.created.at].tolist()]
        assert mine["event_id"].to_pylist() == [b.event_id[i] for b in seen for i in b.created.at.tolist()]
        assert mine["order_id"].to_pylist() == [b.order_id[i] for b in seen for i in b.created.at.tolist()]
        for j, name in enumerate(names):
            same_floats(mine[name].to_numpy(), np.concatenate([order_rows(b, names)[:, j] for b in seen]))


@pytest.mark.parametrize("rows", ["line", "discount", "event"])
def test_tables_of_their_own_hold_every_live_value_bit_for_bit(rows):
    table = features.compute(lines(), rows=rows, progress=False)
    names = [name for name in table.schema.names if name in load().features]
    assert names
    for number in range(load().kafka.partitions):
        mine = of_partition(table, number)
        for name in names:
            seen = [batch.columns[name].values for partition, batch in live() if partition == number]
            same_floats(mine[name].to_numpy(), np.concatenate(seen))


def given_as(kind, folder):
    """The same events in another form."""
    values = list(lines())
    if kind == "lines":
        path = folder / "orders.jsonl"
        path.write_bytes(b"\n".join(values) + b"\n\n")
    elif kind == "windows lines":
        path = folder / "orders.jsonl"
        path.write_bytes(b"\xef\xbb\xbf" + b"\r\n".join(values))
    elif kind == "gzip":
        path = folder / "orders.jsonl.gz"
        path.write_bytes(gzip.compress(b"\n".join(values)))
    elif kind == "parquet":
        path = folder / "orders.parquet"
        pq.write_table(pa.table({"value": pa.array(values, pa.binary())}), path)
    else:
        return iter(values)
    return path


@pytest.mark.parametrize("kind", ["lines", "windows lines", "gzip", "parquet", "iterator"])
def test_the_form_in_which_orders_are_given_changes_no_bit(kind, tmp_path, computed):
    table = features.compute(given_as(kind, tmp_path), progress=False)
    assert same_bits(table, computed)
    assert table.schema.metadata == computed.schema.metadata


def test_a_table_with_a_column_a_field_is_read_like_its_events():
    events = [msgspec.json.decode(record.value) for record in small_log()[0] if b"rubbish" not in record.value]
    placed = [event for event in events if event["event_type"] == "order.created"]
    as_dicts = features.compute(placed, progress=False)
    assert same_bits(features.compute(pa.Table.from_pylist(placed), progress=False), as_dicts)
    assert as_dicts.num_rows == len({event["event_id"] for event in placed})


def test_what_holds_no_events_is_refused_with_what_would():
    with pytest.raises(TypeError, match="orders is a int; it may be a path"):
        features.compute(7)
    with pytest.raises(FileNotFoundError):
        features.compute("nowhere.jsonl")


def test_no_orders_are_a_table_without_rows_and_with_every_column(computed):
    table = features.compute([], progress=False)
    assert table.num_rows == 0
    assert table.schema.names == computed.schema.names


def test_refused_and_repeated_messages_are_told(computed):
    told = computed.schema.metadata
    assert (told[b"refused"], told[b"duplicates"]) == (b"4", b"2")
    assert set(computed[HASH].to_pylist()) == {fingerprint(load().features)}
    assert told[b"feature_hash"].decode() == fingerprint(load().features)


def test_a_changed_parameter_changes_the_hash_and_its_default_spelled_out_does_not():
    usual = fingerprint({"price_deviation": PartSettings(on=True)})
    assert fingerprint({"price_deviation": PartSettings(on=True, params={"floor": 0.05})}) == usual
    assert fingerprint({"price_deviation": PartSettings(on=True, params={"floor": 0.06})}) != usual
    assert fingerprint({"price_deviation": PartSettings(on=True), "margin": PartSettings(on=True)}) != usual


def test_changed_code_changes_the_hash_and_a_comment_does_not(tmp_path, monkeypatch):
    from features import fingerprint as module

    on = {"margin": PartSettings(on=True)}
    usual, file_of = fingerprint(on), module._file_of
    source = file_of("features.partition").read_text()

    def hash_with(text):
        changed = tmp_path / "partition.py"
        changed.write_text(text)
        monkeypatch.setattr(module, "_file_of", lambda name: changed if name == "features.partition" else file_of(name))
        module._sources.cache_clear()
        return fingerprint(on)

    try:
        assert hash_with(source.replace('"""Start with an empty state."""', '"""Begin."""  # anew')) == usual
        assert hash_with(source.replace("np.maximum.accumulate", "np.minimum.accumulate")) != usual
    finally:
        module._sources.cache_clear()
