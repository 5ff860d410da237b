"""How quickly logged rows are read back: the first time in a fresh process, and again.

    python -m tests.benchmarks.bench_history [--rounds N]

The files are those that the archive writes; they are in the page cache when they are read. The first read also has to
get its memory from the system: what touching as much costs by itself, in a process as fresh, stands beside it.
"""

from __future__ import annotations

import argparse
import json
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from config.settings import load
from features.history import history
from stream.archive import Archive
from stream.pipeline import Pipeline
from tests.benchmarks.bench_feature_log import batches
from tests.benchmarks.spread import Spread

if TYPE_CHECKING:
    from collections.abc import Callable

    from stream.scored_rows import ScoredRows

_ORDERS: Final = 60_000
_BLOCK_ROWS: Final = 2_000
_HOURS: Final = 24
_BEGIN, _END = "2026-01-01", "2026-01-02"
_BAR: Final = 2_000_000


def write(folder: Path) -> None:
    """A day of some 1.4 million rows: an hour as the archive lands it, and 23 more of the same."""
    pipeline, archive = (
        Pipeline(load(feature_log={"on": True})),
        Archive(str(folder / "landed"), "orderwatch.features.v1"),
    )
    rows = [rows for number, some in batches(_ORDERS, _BLOCK_ROWS) for rows in pipeline.process(number, some).scored]
    archive.assign(0, None)
    for offset, some in enumerate(sorted([*rows, *pipeline.finish().scored], key=_place)):
        assert pipeline.feature_log is not None, "it is on"
        archive.add(0, offset, pipeline.feature_log.block([some]).value)
    archive.land(0)
    for hour in range(_HOURS):
        place = folder / f"day/date={_BEGIN}/hour={hour:02d}"
        place.mkdir(parents=True)
        for number, file in enumerate((folder / "landed").rglob("*.parquet")):
            shutil.copy(file, place / f"{number}-{file.name}")


def read(folder: str) -> dict[str, Any]:
    """Read the day three times; rows, and of each time the seconds on the clock, of this process, and of the kernel."""
    taken = [_timed(lambda: history(_BEGIN, _END, path=folder)) for _ in range(3)]
    table = history(_BEGIN, _END, path=folder, frame="arrow")
    return {"rows": table.num_rows, "bytes": table.nbytes, "seconds": taken}


def touch(nbytes: str) -> dict[str, Any]:
    """What it costs to be given that much memory."""
    return {"seconds": [_timed(lambda: np.ones(int(nbytes) // 8))]}


def rates(rounds: int) -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write(folder)
        size = sum(file.stat().st_size for file in (folder / "day").rglob("*.parquet"))
        found = []
        for _ in range(rounds):
            done = _fresh("read", str(folder / "day"))
            done["touch"] = _fresh("touch", str(done["bytes"]))["seconds"][0][1]
            found.append(done)
    rows = found[0]["rows"]
    print(
        f"features.history: {rows:,} rows, {size / rows:.0f} bytes a row on disk, {found[0]['bytes'] / rows:.0f} read"
    )
    for what, time_of in (("first read of a process", 0), ("the next read", 1), ("the one after", 2)):
        wall, cpu = (Spread.of([rows / one["seconds"][time_of][i] for one in found]) for i in (0, 1))
        share = Spread.of([one["seconds"][time_of][2] / one["seconds"][time_of][1] for one in found])
        print(
            f"  {what:<24} {wall.text()} rows/s on the clock (bar {_BAR:,}), {cpu.text()} a CPU-second, "
            f"{share.text('.0%')} of it the kernel's"
        )
    touched = Spread.of([one["touch"] for one in found]).text(".2f")
    print(f"  touching as much memory: {touched} CPU-seconds in a fresh process")


def _place(rows: ScoredRows) -> tuple[int, int]:
    return rows.partition, int(rows.offset[0])


def _timed(work: Callable[[], object]) -> tuple[float, float, float]:
    before, began = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    work()
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_SELF)
    kernel = after.ru_stime - before.ru_stime
    return wall, after.ru_utime - before.ru_utime + kernel, kernel


def _fresh(what: str, argument: str) -> dict[str, Any]:
    """Do it in a process of its own."""
    command = [sys.executable, "-m", "tests.benchmarks.bench_history", "--do", what, argument]
    done = subprocess.run(command, capture_output=True, check=True)
    return json.loads(done.stdout)  # type: ignore[no-any-return]  # what `main` prints there


def main() -> None:
    """Measure and print, or be the fresh process."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--do", nargs=2, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.do:
        what, argument = asked.do
        print(json.dumps({"read": read, "touch": touch}[what](argument)))
    else:
        rates(asked.rounds)


if __name__ == "__main__":
    main()
