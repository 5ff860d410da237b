"""A full disk under what we write: said in one line, and made good by the same command once there is room."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import yaml
from aiokafka import AIOKafkaProducer

from features.parity import same_bits
from stream.engine.topics import ensure_topics
from stream.feature_log import read_block
from stream.simulator import demo_scenario, promotions_of
from tests.benchmarks.spread import wide_console
from tests.chaos.row import Row
from tests.feature_blocks import blocks, in_order, logged, read_back
from tests.parts.dying_worker import ROOT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import pyarrow as pa

    from config.settings import Settings
    from tests.chaos.stage import Stage

_REPLAY: Final = "disk full under `replay --out`; again with room"
_ARCHIVE: Final = "disk full under `archive`; again with room"
_SMALL: Final = "64k"  # less than the alerts of the log
_SMALL_ARCHIVE: Final = "100k"  # less than all files of rows
_LARGE: Final = "64m"
_SECONDS: Final = 300.0
_MAIN: Final = "from stream.cli import main; main()"
_EVER: Final = ("2000-01-01", "2100-01-01")
_OFTEN: Final = ("--every", "0.1")
_SECTIONS: Final = ("kafka", "redis", "feature_log")


def replay_on_a_full_disk(stage: Stage) -> Row:
    """The alerts of the calm run, by id, beside those of a replay whose first try met a full disk.

    A replay has no state and no dead letters that it keeps, so those are not compared.
    """
    expected, folder = stage.undisturbed("plain"), stage.folder
    log, register = folder / "orders.jsonl", folder / "promotions.yaml"
    log.write_bytes(b"\n".join(stage.shop.logs["plain"]) + b"\n")
    register.write_text(yaml.safe_dump(promotions_of(demo_scenario(stage.seed))))
    with _small_disk(folder / "disk", _SMALL) as disk:
        out = disk / "alerts.jsonl"
        command = [sys.executable, "-c", _MAIN, "replay", log, "--promotions", register, "--out", out]
        _refused(command)
        _mount("remount", disk, _LARGE)
        _done(command)
        found = Counter(json.loads(line)["id"] for line in out.read_bytes().splitlines())
    ids = expected.alerts.keys()
    extra = len(found.keys() - ids)
    return Row(_REPLAY, 1, len(ids), len(ids - found.keys()), found.total() - len(found), extra, 0, None, [])


def archive_on_a_full_disk(stage: Stage) -> Row:
    """The rows that a worker has logged, beside those in files after a try that met a full disk and one with room.

    Rows take the place of alerts: expected, lost, doubled, and changed.
    """
    settings = _with_features(stage)
    asyncio.run(ensure_topics(settings, {}))
    asyncio.run(_send(settings))
    file, expected = stage.folder / "archive.yaml", in_order(logged(blocks()))
    file.write_text(yaml.safe_dump({name: getattr(settings, name).model_dump(mode="json") for name in _SECTIONS}))
    with _small_disk(stage.folder / "rows", _SMALL_ARCHIVE) as disk:
        command = [sys.executable, "-c", _MAIN, "archive", disk, "--config", file, "--until-caught-up", *_OFTEN]
        said = _refused(command)
        if str(disk) not in said or "feature_log.archive" not in said:
            raise RuntimeError(f"neither the place nor the setting is named: {said}")
        landed = in_order(read_back(*_EVER, path=disk)) if any(disk.rglob("*.parquet")) else expected.slice(0, 0)
        if unfinished := list(disk.rglob("_*")):
            raise RuntimeError(f"half-written files stay: {unfinished}")
        _mount("remount", disk, _LARGE)
        _done(command)
        found = in_order(read_back(*_EVER, path=disk))
    wide_console().print(f"  {landed.num_rows:,} of {expected.num_rows:,} rows stood in whole files on the full disk")
    ids, counts = set(_places(expected)), Counter(_places(found))
    lost, extra = len(ids - counts.keys()), len(counts.keys() - ids)
    changed = extra or int(not same_bits(found, expected))
    return Row(_ARCHIVE, 1, len(ids), lost, counts.total() - len(counts), changed, 0, None, [])


def _with_features(stage: Stage) -> Settings:
    settings = stage.settings("plain")
    topic = {"on": True, "topic": f"{settings.kafka.group}-features"}
    return settings.model_copy(update={"feature_log": settings.feature_log.model_copy(update=topic)})


async def _send(settings: Settings) -> None:
    """Write the blocks of the feature log into their topic, as a worker does."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka.brokers)
    await producer.start()
    for block in blocks():
        await producer.send_and_wait(settings.feature_log.topic, block, str(read_block(block)["partition"][0]).encode())
    await producer.stop()


def _places(rows: pa.Table) -> list[tuple[int, int]]:
    return list(zip(rows["partition"].to_pylist(), rows["offset"].to_pylist(), strict=True))


def _refused(command: list[str | Path]) -> str:
    """Run a command that is to meet a full disk; returns the line in which it says so."""
    ended = _run(command)
    said = ended.stderr.strip().splitlines() or [""]
    if ended.returncode == 0 or "No space left" not in said[-1] or "Traceback" in ended.stderr:
        raise RuntimeError(f"a full disk led to exit code {ended.returncode} and: {ended.stderr[-2000:]}")
    return said[-1]


def _done(command: list[str | Path]) -> None:
    ended = _run(command)
    if ended.returncode != 0:
        raise RuntimeError(f"with room for it, {command[3]} ended with {ended.returncode}: {ended.stderr[-2000:]}")


def _run(command: list[str | Path]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=_SECONDS)


@contextmanager
def _small_disk(folder: Path, size: str) -> Iterator[Path]:
    """A file system in memory with little room; it is seen by us and our children alone."""
    folder.mkdir()
    _mount("rw", folder, size)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def _mount(how: str, folder: Path, size: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"{how},size={size}", "tmpfs", folder], check=True)


ROWS: Final[dict[str, Callable[[Stage], Row]]] = {_REPLAY: replay_on_a_full_disk, _ARCHIVE: archive_on_a_full_disk}
