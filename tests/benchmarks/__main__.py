"""All benchmarks, one after the other: what `make bench` runs.

    python -m tests.benchmarks [--quick] [--real] [--json FILE]

Ten to twelve minutes, or about two with `--quick`. Nothing passes or fails here: the figures are printed
beside what is to be reached, and the machine's noise beside the figures.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import msgspec
from rich.console import Console

from tests.benchmarks import bench_detection, bench_shuffle, latency, memory_per_key, systems, whole_path
from tests.benchmarks.spread import wide_console
from tests.benchmarks.system import cores, pin
from tests.parts.services import kind_of

_TREES: Final = Path(__file__).with_name("bench_half_space_trees.py")
_QUICK_KINDS: Final = ["order", "product"]


def run_all(console: Console, *, quick: bool, real: bool) -> dict[str, Any]:
    """Run and print everything; returns all readings."""
    pin(cores()[0])
    measured: dict[str, Any] = {}
    with kind_of(real)() as parts:
        services = parts.services
        console.rule("whole path")
        measured["whole path"] = whole_path.run(services, whole_path.select(quick, []), 2 if quick else 3, console)
        console.print(whole_path.table_of(measured["whole path"]))
        console.print(whole_path.split_of(measured["whole path"]))
        console.rule("latency")
        measured["latency"] = latency.run(
            services,
            rounds=1 if quick else 3,
            seconds=latency.SECONDS,
            compared=[systems.OURS] if quick else [systems.OURS, systems.NO_TABLE],
        )
        console.print(latency.table_of(measured["latency"]))
        if not quick:
            console.rule("one worker and two")
            measured["sharing"] = bench_shuffle.run(services, bench_shuffle.ORDERS, 3, console)
            console.print(bench_shuffle.table_of(measured["sharing"]))
            pin(cores()[0])
    console.rule("detection quality")
    measured["detection quality"] = bench_detection.measure(100_000 if quick else 300_000, batch=2_000)
    console.print(bench_detection.line_of(measured["detection quality"]))
    console.rule("memory")
    kinds = _QUICK_KINDS if quick else list(memory_per_key.KINDS)
    measured["memory"] = memory_per_key.measure(kinds, 0.1 if quick else 1.0)
    console.print(memory_per_key.table_of(measured["memory"]))
    if not quick:
        console.rule("Half-Space Trees")
        subprocess.run([sys.executable, _TREES], check=True)
    return measured


def main() -> None:
    """Run, print, and write what was asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer events, systems and rounds")
    parser.add_argument("--real", action="store_true", help="on Apache Kafka and redis-server; see make test-real")
    parser.add_argument("--json", type=Path, help="write every reading to this file")
    arguments = parser.parse_args()
    measured = run_all(wide_console(), quick=arguments.quick, real=arguments.real)
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(measured)))


if __name__ == "__main__":
    main()
