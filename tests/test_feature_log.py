"""The feature log of a live worker: every scored order in it once, before its offset is committed."""

from __future__ import annotations

import os
import signal
import threading
import time
from uuid import uuid4

import pyarrow as pa
import pytest

from stream.engine.worker import run_worker
from stream.feature_log import read_block
from stream.parity import check
from stream.pipeline import Pipeline
from tests.feature_traffic import archived, events, send
from tests.parts.traffic import committed, read, run_in_thread, wait_until


def placed():
    return sum(b'"order.created"' in event.value for event in events())


@pytest.fixture
def settings(settings):
    own = {"on": True, "topic": f"features-{uuid4().hex[:8]}", "every_seconds": 0.3}
    kafka = settings.kafka.model_copy(update={"session_timeout_seconds": 4.0, "rebalance_timeout_seconds": 8.0})
    return settings.model_copy(
        update={"feature_log": settings.feature_log.model_copy(update=own), "kafka": kafka},
    )


class Failing(Pipeline):
    """Fails at its tenth batch."""

    batches = 0

    def process(self, partition, records, **how):
        self.batches += 1
        if self.batches == 10:
            raise ZeroDivisionError("a fault")
        return super().process(partition, records, **how)


def test_a_worker_that_fails_and_comes_back_leaves_every_order_in_the_archive_once_bit_for_bit(settings, tmp_path):
    few = settings.model_copy(update={"kafka": settings.kafka.model_copy(update={"max_poll_records": 200})})
    with pytest.raises(ZeroDivisionError):
        run_worker(few, Failing(few), on_ready=lambda _: run_in_thread(send, few, events()))
    done = run_worker(few, Pipeline(few), until_caught_up=True)
    assert done.events > 0
    rows = archived(settings, tmp_path)
    assert rows.num_rows == placed() == len(set(rows["event_id"].to_pylist()))
    found = check(rows, [event.value for event in events()], settings, progress=False)
    assert (found.holds, found.rows) == (True, placed())
    assert sum(committed(settings).values()) == len(events())
    assert "price.below_cost" in set(rows["verdict_kinds"].to_pylist())


def test_rows_of_a_slow_hour_share_blocks_are_written_in_time_and_committed_after_it(settings):
    trickle = events()[:40]
    seen = []

    def direct() -> None:
        for event in trickle:
            send(settings, [event])
            time.sleep(0.01)
        wait_until(lambda: sum(committed(settings).values()) == len(trickle))
        seen.append([record.value for record in read(settings, settings.feature_log.topic)])
        os.kill(os.getpid(), signal.SIGTERM)

    helper = threading.Thread(target=direct)
    run_worker(settings, Pipeline(settings), on_ready=lambda _: helper.start())
    helper.join()
    [blocks] = seen
    table = pa.concat_tables([read_block(block) for block in blocks], promote_options="default")
    assert table.num_rows == sum(b'"order.created"' in event.value for event in trickle)
    assert len(blocks) < table.num_rows


def test_a_worker_that_is_told_to_stop_writes_what_waits_and_commits_it(settings):
    patient = settings.model_copy(
        update={"feature_log": settings.feature_log.model_copy(update={"every_seconds": 600.0})}
    )
    pipeline = Pipeline(patient)

    def direct() -> None:
        wait_until(lambda: pipeline.clock_ms > 0)
        os.kill(os.getpid(), signal.SIGTERM)

    helper = threading.Thread(target=direct)

    def begin(_) -> None:
        run_in_thread(send, patient, events()[:40])
        helper.start()

    run_worker(patient, pipeline, on_ready=begin)
    helper.join()
    blocks = [read_block(record.value) for record in read(patient, patient.feature_log.topic)]
    offsets = {(row["partition"], row["offset"]) for block in blocks for row in block.to_pylist()}
    assert offsets
    assert all(offset < committed(patient)[partition] for partition, offset in offsets)
