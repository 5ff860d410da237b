"""The house: who may import whom, and whose names these are."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
OURS = ("stream", "models", "features", "config")


@pytest.mark.parametrize("name", OURS)
def test_no_other_distribution_owns_our_top_level_names(name):
    assert set(packages_distributions().get(name, [])) <= {"orderwatch"}


def test_imports_go_down_only():
    checked = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert checked.returncode == 0, checked.stdout


def test_the_pipeline_runs_with_neither_kafka_nor_redis():
    outside = {"aiohttp", "aiokafka", "faust", "mode", "redis"}
    code = f"import sys, stream.replay, stream.simulator; print(sorted({outside!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_top_level_folders_are_the_agreed_ones():
    tracked = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=False)
    if tracked.returncode:
        pytest.skip("not a git checkout")
    folders = {line.split("/")[0] for line in tracked.stdout.splitlines() if "/" in line and line[0] != "."}
    assert folders <= {*OURS, "notebooks", "tests"}


def test_test_folders_do_not_shadow_our_packages():
    assert list((ROOT / "tests").rglob("__init__.py")) in ([], [ROOT / "tests/benchmarks/__init__.py"])
