"""The files of the feature log: every row in one of them, whatever crashes meanwhile."""

from __future__ import annotations

import asyncio
import resource
from contextlib import contextmanager
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer

from features.parity import same_bits
from stream.archive import Archive
from stream.archiver import Archiver, Landing
from stream.engine.topics import ensure_topics
from stream.feature_log import read_block
from tests.feature_blocks import TOPIC, archived, blocks, files_in, in_order, logged, read_back


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


@contextmanager
def room(size):
    """No file may grow beyond `size`; the system refuses to write more, as it does on a full disk."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("size", [0, 100, 30_000])
def test_where_there_is_no_room_nothing_half_written_stays_and_the_next_try_lands_all(tmp_path, size):
    archived(tmp_path / "undisturbed", blocks())
    full = tmp_path / "full"
    archived(full, blocks()[:10])
    before, archive = files_in(full), Archive(str(full), TOPIC)
    archive.assign(0, 10)
    for offset, block in enumerate(blocks()[10:], start=10):
        archive.add(0, offset, block)
    with room(size), pytest.raises(OSError, match=r"/full: cannot be written: File too large; .*feature_log\.archive"):
        archive.land(0)
    assert files_in(full) == before
    archived(full, blocks(), landed=10)
    assert files_in(full) == files_in(tmp_path / "undisturbed")


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
