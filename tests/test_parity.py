"""The certificate that live and offline features are the same, and when it is not given."""

from __future__ import annotations

import json
from functools import cache

import numpy as np
import pytest

from config.settings import load
from stream.pipeline import Pipeline
from tests.feature_blocks import Worker, archived, batches_of_log, blocks, lines, logged


@pytest.fixture
def orders(tmp_path):
    path = tmp_path / "orders.jsonl"
    path.write_bytes(b"\n".join(lines()))
    return path


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
