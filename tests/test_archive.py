"""The feature log, its files, reading them back, and the certificate that live and offline features are the same."""

from __future__ import annotations

import asyncio
import json
import sys
from functools import cache
from pathlib import Path
from uuid import uuid4

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute
import pytest
from aiokafka import AIOKafkaProducer

import features
from config.errors import ConfigRefused
from config.settings import load
from features.parity import same_bits
from features.table import BEGAN, HASH
from stream.archive import Archive
from stream.archiver import Archiver, Landing
from stream.cli import main
from stream.engine.topics import ensure_topics
from stream.feature_log import VERSIONS, read_block
from stream.pipeline import Pipeline
from stream.replay import batches
from stream.scored_rows import RAW, SCORE
from stream.simulator import SimulatorSettings, simulate
from stream.simulator.incidents import make
from tests.small_shop import PARTITIONS, REGISTER
from tests.small_shop import log as small_shop_log

MOST_LINES = 120
TOPIC = "orderwatch.features.v1"


def read_back(begin, end, **wanted):
    """As Arrow's table, in which nothing is converted."""
    return features.history(begin, end, frame="arrow", **wanted)


class Worker:
    """A worker without Kafka: what its pipeline says of each batch, a block a batch."""

    def __init__(self, settings):
        on = settings.feature_log.model_copy(update={"on": True})
        self.pipeline = Pipeline(settings.model_copy(update={"feature_log": on}))
        self.pipeline.feature_log.set_versions({"half_space_trees": "3"})

    def blocks(self, number, records):
        return self.written(self.pipeline.process(number, records))

    def written(self, outcome):
        return [self.pipeline.feature_log.block([rows]).value for rows in outcome.scored]


@cache
def lines():
    """Five simulated hours over a change of date, with wrong prices."""
    settings = SimulatorSettings(
        seed=5, duration_seconds=18_000, orders_per_second=0.3, incidents=(make("price_typo", after_seconds=9_000.0),)
    )
    return tuple(event.value for event in simulate(settings))


@cache
def batches_of_log():
    return tuple(batches(lines(), load().kafka.partitions, MOST_LINES))


@cache
def blocks(sample=1.0, begin=0):
    """The blocks of a worker, in the order in which it writes them; it may start in the middle."""
    worker = Worker(load(feature_log={"sample": sample}))
    read = [block for number, some in batches_of_log()[begin:] for block in worker.blocks(number, some)]
    return (*read, *worker.written(worker.pipeline.finish()))


def logged(some):
    return pa.concat_tables([read_block(block) for block in some])


def in_order(table):
    return table.take(np.lexsort((table["offset"].to_numpy(), table["partition"].to_numpy())))


def files_in(folder):
    return {str(path.relative_to(folder)): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


@pytest.fixture
def orders(tmp_path):
    path = tmp_path / "orders.jsonl"
    path.write_bytes(b"\n".join(lines()))
    return path


# --- the log -------------------------------------------------------------------------------------


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


# --- the files -----------------------------------------------------------------------------------


def archived(folder, some, *, step=10, landed=0):
    """Land the blocks in ranges of `step`, from where the files or the commit say, as the consumer does."""
    archive = Archive(str(folder), TOPIC)
    at = archive.assign(0, landed or None) or 0
    while at < len(some):
        complete = False
        for offset in range(at, min(at + step, len(some))):
            complete = archive.add(0, offset, some[offset])
            if complete:
                break
        at = archive.land(0)
    return archive


def test_every_row_lands_in_exactly_one_file_of_its_hour(tmp_path):
    archived(tmp_path, blocks())
    table = in_order(read_back("2000-01-01", "2100-01-01", path=tmp_path))
    assert same_bits(table, in_order(logged(blocks())))
    hours = {name.rpartition("/")[0] for name in files_in(tmp_path)}
    assert len(hours) > 4
    for hour in hours:
        day, begins = (part.partition("=")[2] for part in hour.split("/"))
        times = read_back(f"{day}T{begins}:00", f"{day}T{begins}:59:59.999999", path=tmp_path)["time"].to_pylist()
        assert {f"{time:%Y-%m-%d %H}" for time in times} == {f"{day} {begins}"}


class Crash(Exception):
    pass


@pytest.mark.parametrize("moves", [0, 1, 2, 5])
@pytest.mark.parametrize("committed", [True, False])
def test_a_crash_between_write_and_rename_changes_no_file(tmp_path, monkeypatch, moves, committed):
    archived(tmp_path / "undisturbed", blocks())
    crashing, left, done = Archive(str(tmp_path / "crashed"), TOPIC), moves, 0
    move = crashing._fs.mv

    def mv(*args, **kwargs):
        nonlocal left
        if left == 0:
            raise Crash
        left -= 1
        move(*args, **kwargs)

    monkeypatch.setattr(type(crashing._fs), "mv", lambda _, *args, **kwargs: mv(*args, **kwargs))
    crashing.assign(0, None)
    crashed = False
    for offset, block in enumerate(blocks()):
        crashing.add(0, offset, block)
        if offset % 10 == 9 and not crashed:
            try:
                done = crashing.land(0)
            except Crash:
                crashed = True
    assert crashed
    monkeypatch.undo()
    assert any("/_" in name for name in files_in(tmp_path / "crashed"))
    archived(tmp_path / "crashed", blocks(), landed=done if committed else 0)
    assert files_in(tmp_path / "crashed") == files_in(tmp_path / "undisturbed")


def test_a_range_that_lands_again_keeps_its_bounds_though_more_has_come(tmp_path):
    archived(tmp_path, blocks()[:40])
    before = files_in(tmp_path)
    archived(tmp_path, blocks()[:100], step=100)
    after = files_in(tmp_path)
    assert {name: after[name] for name in before} == before
    assert same_bits(in_order(read_back("2000-01-01", "2100-01-01", path=tmp_path)), in_order(logged(blocks()[:100])))


def test_orders_that_a_worker_judged_again_land_once(tmp_path):
    again = (*blocks()[:60], *blocks()[45:])
    archive = archived(tmp_path, again)
    assert archive.repeated_rows == logged(blocks()[45:60]).num_rows
    assert same_bits(in_order(read_back("2000-01-01", "2100-01-01", path=tmp_path)), in_order(logged(blocks())))


def test_what_the_topic_no_longer_holds_is_said_to_be_lost_and_the_rest_goes_on(tmp_path, caplog):
    archived(tmp_path, blocks()[:10])
    archive = Archive(str(tmp_path), TOPIC)
    assert archive.assign(0, 10, earliest=25) == 25
    assert "offsets 10 to 24 were deleted before they landed" in caplog.text
    assert not archive.expects(0, 10)
    assert archive.expects(0, 25)


def test_what_is_no_block_is_left_out(tmp_path):
    archived(tmp_path, (b"rubbish", b"", blocks()[0]))
    assert read_back("2000-01-01", "2100-01-01", path=tmp_path).num_rows == read_block(blocks()[0]).num_rows


def test_an_address_of_any_kind_takes_the_same_files(tmp_path):
    import fsspec

    archived(tmp_path, blocks())
    archived("memory://features", blocks())
    memory = fsspec.filesystem("memory")
    there = {name.removeprefix("/features/"): memory.cat(name) for name in memory.find("/features")}
    assert there == files_in(tmp_path)
    remote = read_back("2000-01-01", "2100-01-01", path="/features", filesystem=memory)
    assert same_bits(remote, read_back("2000-01-01", "2100-01-01", path=tmp_path))


def test_history_is_a_dataframe_of_the_same_values(tmp_path):
    archived(tmp_path, blocks()[:20])
    rows = read_back("2000-01-01", "2100-01-01", path=tmp_path)
    frame = features.history("2000-01-01", "2100-01-01", path=tmp_path)
    assert isinstance(frame, pd.DataFrame)
    assert list(frame.columns) == rows.column_names
    again = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    assert same_bits(again.cast(rows.schema), rows)


def test_history_gives_the_time_and_the_columns_asked_for(tmp_path):
    archived(tmp_path, blocks())
    whole = logged(blocks())
    times = np.sort(whole["time"].cast(pa.int64()).to_numpy())
    since, until = (str(np.datetime64(int(time), "ms")) for time in (times[100], times[300]))
    some = read_back(since, until, path=tmp_path, columns=["event_id", "time", "margin"])
    assert some.schema.names == ["event_id", "time", "margin"]
    assert some.num_rows == ((times >= times[100]) & (times < times[300])).sum()
    assert read_back("1999-01-01", "1999-02-01", path=tmp_path).num_rows == 0
    with pytest.raises(FileNotFoundError):
        read_back("1999-01-01", "1999-02-01", path=tmp_path / "nowhere")


def test_history_reads_what_the_settings_name_and_addresses_of_any_kind(tmp_path, monkeypatch):
    archived(tmp_path, blocks()[:20])
    archived("memory://named", blocks()[:20])
    whole = read_back("2000-01-01", "2100-01-01", path=tmp_path)
    for place in (str(tmp_path), "memory://named"):
        monkeypatch.setenv("ORDERWATCH_FEATURE_LOG__ARCHIVE", place)
        assert same_bits(read_back("2000-01-01", "2100-01-01"), whole)
    monkeypatch.delenv("ORDERWATCH_FEATURE_LOG__ARCHIVE")
    with pytest.raises(ConfigRefused, match=r"feature_log\.archive is not set"):
        read_back("2000-01-01", "2100-01-01")


def test_the_topic_lands_once_though_the_archive_stops_and_starts(settings, tmp_path):
    name = f"features-{uuid4().hex[:8]}"
    feature_log = settings.feature_log.model_copy(update={"on": True, "topic": name})
    settings = settings.model_copy(update={"feature_log": feature_log})
    asyncio.run(ensure_topics(settings, {}))

    async def send(some):
        producer = AIOKafkaProducer(bootstrap_servers=settings.kafka.brokers)
        await producer.start()
        for block in some:
            await producer.send_and_wait(name, block, str(read_block(block)["partition"][0]).encode())
        await producer.stop()

    def archive():
        archiver = Archiver(settings, Archive(str(tmp_path), name), Landing(bytes=40_000), until_caught_up=True)
        asyncio.run(asyncio.wait_for(archiver.run(), 60))

    for part in (blocks()[:90], blocks()[90:]):
        asyncio.run(send(part))
        archive()
    assert same_bits(in_order(read_back("2000-01-01", "2100-01-01", path=tmp_path)), in_order(logged(blocks())))


# --- the certificate -----------------------------------------------------------------------------


@pytest.fixture
def run(monkeypatch, capsys):
    """Run the command in this process; give its exit code, output and messages."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["orderwatch", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return ended.value.code or 0, captured.out, captured.err

    return call


def test_the_certificate_holds_over_workers_that_started_in_the_middle(run, tmp_path, orders):
    middle = len(batches_of_log()) // 2
    worker = Worker(load())
    first = [block for number, some in batches_of_log()[:middle] for block in worker.blocks(number, some)]
    last = worker.written(worker.pipeline.finish())
    archived(tmp_path / "kept", (*first, *last, *blocks(begin=middle)))
    code, out, _ = run("parity", orders, "--features", tmp_path / "kept", "--json")
    told = json.loads(out)
    assert (code, told["holds"], told["missing"], told["differences"]) == (0, True, 0, [])
    assert told["rows"] == logged(blocks()).num_rows
    assert "price_deviation" in told["columns"]


def test_a_changed_parameter_fails_the_certificate_by_column(run, tmp_path, orders):
    archived(tmp_path / "kept", blocks())
    changed = tmp_path / "changed.yaml"
    changed.write_text("features: {price_deviation: {on: true, params: {floor: 0.2}}}\n")
    code, out, _ = run("parity", orders, "--features", tmp_path / "kept", "--config", changed)
    assert code == 1
    differing = [line.partition(":")[0] for line in out.splitlines() if " rows differ; first at" in line]
    assert differing == ["price_deviation"]
    assert "logged by feature hash" in out


def test_rows_that_the_replay_lacks_fail_the_certificate(run, tmp_path, orders):
    archived(tmp_path / "kept", blocks())
    orders.write_bytes(b"\n".join(lines()[: len(lines()) // 2]))
    code, out, _ = run("parity", orders, "--features", tmp_path / "kept")
    assert code == 1
    assert "logged rows are not in the replay" in out


def turned_on(state, end=None):
    """The blocks of a worker that goes on from the state of one without a log, from the middle of the orders."""
    worker = Worker(load())
    worker.pipeline.set_state(state)
    middle = len(batches_of_log()) // 2
    read = [block for number, some in batches_of_log()[middle:end] for block in worker.blocks(number, some)]
    return (*read, *worker.written(worker.pipeline.finish()))


@cache
def half_read():
    pipeline = Pipeline(load())
    for number, some in batches_of_log()[: len(batches_of_log()) // 2]:
        pipeline.process(number, some)
    return {name: array.copy() for name, array in pipeline.get_state().items()}


def test_the_certificate_holds_for_a_log_that_was_turned_on_over_a_state(run, tmp_path, orders):
    archived(tmp_path / "kept", turned_on(half_read()))
    code, out, _ = run("parity", orders, "--features", tmp_path / "kept", "--json")
    told = json.loads(out)
    assert (code, told["holds"], told["missing"], told["unknown"]) == (0, True, 0, 0)
    assert 0.4 < told["rows"] / logged(blocks()).num_rows < 0.6


def test_nothing_is_said_of_rows_whose_memory_begins_nobody_knows_where(run, tmp_path, orders):
    older = half_read() | {"memory/began": np.zeros((0, 2), np.int64)}  # of a version that did not keep it
    archived(tmp_path / "kept", turned_on(older))
    code, _, err = run("parity", orders, "--features", tmp_path / "kept")
    assert (code, err.count("\n")) == (2, 1)
    assert "does not say where it begins" in err
    later = 3 * len(batches_of_log()) // 4
    archived(tmp_path / "both", (*turned_on(older, later), *blocks(begin=later)))
    code, out, _ = run("parity", orders, "--features", tmp_path / "both")
    assert code == 0
    assert "more are of a worker that went on from a state which does not say where it begins" in out


def test_another_file_than_the_topic_from_its_start_is_no_mismatch(run, tmp_path, orders):
    archived(tmp_path / "kept", blocks())
    orders.write_bytes(b"\n".join(lines()[40:]))
    code, _, err = run("parity", orders, "--features", tmp_path / "kept")
    assert (code, err.count("\n")) == (2, 1)
    assert "it is not the same topic from its start" in err


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["--features", "nowhere"], "nowhere"),
        (["--features", ".", "--from", "1999-01-01", "--to", "1999-01-02"], "no logged row"),
        (["--features", ".", "--from", "yesterday"], "yesterday"),
    ],
)
def test_a_certificate_of_nothing_ends_with_2_and_one_line(run, orders, tmp_path, monkeypatch, arguments, word):
    monkeypatch.chdir(tmp_path)
    code, _, err = run("parity", orders, *arguments)
    assert (code, err.count("\n")) == (2, 1)
    assert word in err
