"""Faults, injected into real servers and workers under load, and what became of the alerts: `make chaos`.

    python -m tests.chaos [--seed N] [--only WORD] [--times N]

Apache Kafka and redis-server. The same event log is judged by a calm worker, and once for each fault by a crew of two
while the fault is injected again and again. Compared are the alerts in Redis, by id and by every byte, the dead
letters, and the state that the last checkpoint holds. The times and kinds of the faults follow from the seed; the
machine's speed decides where in the log they fall. A fault is injected once a second worker stands by, its state read.

Where Linux namespaces may be made, all of it runs in a network of its own, whose cables can be pulled; where they may
not, or libfaketime is missing, the faults that need them are left out and named.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from rich.table import Table

from tests.benchmarks.spread import Spread, wide_console
from tests.chaos import disk
from tests.chaos.faults import FAULTS, Fault
from tests.chaos.row import Row
from tests.chaos.shop import Shop
from tests.chaos.stage import Stage, Told
from tests.parts import network
from tests.parts.kafka_cluster import KafkaCluster
from tests.parts.needs import program
from tests.parts.redis_server import RedisServer

_COLUMNS: Final = ("times", "alerts", "lost", "doubled", "changed", "letters off", "arrays off", "gap, s")


def faketime() -> Path | None:
    """The library that gives a process another clock; Debian's libfaketime."""
    return next(iter(sorted(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"))), None)


def is_possible(fault: Fault) -> bool:
    """Whether this machine has what a fault needs."""
    if fault.needs == "network":
        return network.is_ours()
    return fault.needs != "faketime" or faketime() is not None


def table_of(rows: list[Row]) -> Table:
    """As it is printed."""
    table = Table("fault", title="Alerts, dead letters and state beside those of an undisturbed run")
    for name in _COLUMNS:
        table.add_column(name, justify="right")
    for row in rows:
        gap = Spread.of(row.gaps).text(".1f") if row.gaps else "-"
        table.add_row(row.fault, *map(str, row.counts), gap)
    return table


def run(faults: list[Fault], arguments: argparse.Namespace, rows: list[Row]) -> None:
    """All rows, those of one broker first."""
    console, shop, calm = wide_console(), Shop.of(arguments.seed), dict[str, Told]()
    with tempfile.TemporaryDirectory(prefix="orderwatch-chaos-") as folder:
        options = ("--protected-mode", "no")
        with RedisServer(program("redis-server"), options=options, host=network.address("redis")) as redis:
            for size in (1, 3):
                chosen = [fault for fault in faults if (fault.needs == "three brokers") == (size == 3)]
                full = [name for name in disk.ROWS if arguments.only in name] if size == 1 and network.is_ours() else []
                if not chosen and not full:
                    continue
                with KafkaCluster(size, host=network.address("kafka")) as kafka:
                    stage = Stage(shop, kafka, redis, size, arguments.seed, Path(folder), faketime(), calm)
                    for fault in chosen:
                        began = time.monotonic()
                        rows.append(_played(stage, fault, arguments.times or fault.times))
                        console.print(rows[-1], f"{time.monotonic() - began:.0f} s")
                    rows += [_filled(stage, name) for name in full]


def _played(stage: Stage, fault: Fault, times: int) -> Row:
    """The row of a fault; one that could not be played to its end is a row too, and the others come yet."""
    try:
        return stage.row(fault, times)
    except Exception:  # noqa: BLE001  # whatever it is, the table says that the fault was not survived
        wide_console().print_exception()
        return Row.unfinished(fault.name)


def _filled(stage: Stage, name: str) -> Row:
    """The row of a full disk."""
    try:
        return disk.ROWS[name](stage)
    except Exception:  # noqa: BLE001  # as above
        wide_console().print_exception()
        return Row.unfinished(name)


def main() -> None:
    """Run the faults; exit with 1 unless every one of them leaves what the calm run leaves."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--only", default="", help="faults whose name holds this word")
    parser.add_argument("--times", type=int, help="of each fault")
    arguments = parser.parse_args()
    network.enter("tests.chaos", sys.argv[1:])
    began, rows = time.monotonic(), list[Row]()
    asked = [fault for fault in FAULTS if arguments.only in fault.name]
    try:
        run([fault for fault in asked if is_possible(fault)], arguments, rows)
    finally:
        console = wide_console()
        console.print(table_of(rows))
        for fault in asked:
            if not is_possible(fault):
                console.print(f"left out, since there is no {fault.needs} here: {fault.name}")
        if not network.is_ours():
            console.print(f"left out, since nothing may be mounted here: {', '.join(disk.ROWS)}")
        console.print(f"{time.monotonic() - began:.0f} s in all")
    sys.exit(not all(row.is_exact for row in rows))


if __name__ == "__main__":
    main()
