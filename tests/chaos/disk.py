"""A full disk under what we write: said in one line, and made good by the same command once there is room."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

import yaml

from stream.simulator import demo_scenario, promotions_of
from tests.chaos.row import Row
from tests.parts.dying_worker import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.chaos.stage import Stage

NAME: Final = "disk full under `replay --out`; again with room"
_SMALL: Final = "64k"  # less than the alerts of the log
_LARGE: Final = "64m"
_SECONDS: Final = 300.0
_MAIN: Final = "from stream.cli import main; main()"


def replay_on_a_full_disk(stage: Stage) -> Row:
    """The alerts of the calm run, by id, beside those of a replay whose first try met a full disk.

    A replay has no state and no dead letters that it keeps, so those are not compared.
    """
    expected, folder = stage.undisturbed("plain"), stage.folder
    log, register = folder / "orders.jsonl", folder / "promotions.yaml"
    log.write_bytes(b"\n".join(stage.shop.logs["plain"]) + b"\n")
    register.write_text(yaml.safe_dump(promotions_of(demo_scenario(stage.seed))))
    with _small_disk(folder / "disk") as disk:
        out = disk / "alerts.jsonl"
        command = [sys.executable, "-c", _MAIN, "replay", log, "--promotions", register, "--out", out]
        first = _run(command)
        said = first.stderr.strip().splitlines()
        if first.returncode == 0 or "No space left" not in said[-1] or "Traceback" in first.stderr:
            raise RuntimeError(f"a full disk led to exit code {first.returncode} and: {first.stderr[-2000:]}")
        _mount("remount", disk, _LARGE)
        again = _run(command)
        if again.returncode != 0:
            raise RuntimeError(f"with room for it, a replay ended with {again.returncode}: {again.stderr[-2000:]}")
        found = Counter(json.loads(line)["id"] for line in out.read_bytes().splitlines())
    ids = expected.alerts.keys()
    extra = len(found.keys() - ids)
    return Row(NAME, 1, len(ids), len(ids - found.keys()), found.total() - len(found), extra, 0, None, [])


def _run(command: list[str | Path]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, timeout=_SECONDS)


@contextmanager
def _small_disk(folder: Path) -> Iterator[Path]:
    """A file system in memory with little room; it is seen by us and our children alone."""
    folder.mkdir()
    _mount("rw", folder, _SMALL)
    try:
        yield folder
    finally:
        subprocess.run(["umount", folder], check=True)


def _mount(how: str, folder: Path, size: str) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"{how},size={size}", "tmpfs", folder], check=True)
