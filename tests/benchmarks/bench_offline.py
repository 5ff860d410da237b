"""How quickly stored orders become features, and alerts: `features.compute` and a pass of `orderwatch backtest`.

    python -m tests.benchmarks.bench_offline [--rounds N] [--orders N]

One file of order.created events, read from disk by both, one after the other in each round. CPU time of one core;
`backtest` makes two such passes, on two cores where there are two.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from config.settings import load
from features.compute import compute
from stream.backtest.run import run
from tests.benchmarks.spread import Spread
from tests.benchmarks.workload import created

if TYPE_CHECKING:
    from collections.abc import Callable

_ORDERS: Final = 100_000
_WARM_UP: Final = 2_000


def backtest(file: Path) -> None:
    """A pass over history, as one of the two of `orderwatch backtest`."""
    with file.open("rb") as lines:
        run(lines, load())


def table(file: Path) -> None:
    """The features of the file."""
    compute(file, load(), progress=False)


WORK: Final[dict[str, tuple[Callable[[Path], None], int]]] = {
    "features.compute": (table, 100_000),
    "backtest, a pass": (backtest, 50_000),
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--orders", type=int, default=_ORDERS)
    asked = parser.parse_args()
    rates: dict[str, list[float]] = {name: [] for name in WORK}
    with tempfile.TemporaryDirectory() as folder:
        file, few = Path(folder, "orders.jsonl"), Path(folder, "few.jsonl")
        messages = [message.value for message in created(asked.orders)]
        file.write_bytes(b"\n".join(messages))
        few.write_bytes(b"\n".join(messages[:_WARM_UP]))
        for work, _ in WORK.values():
            work(few)
        for _ in range(asked.rounds):
            for name, (work, _) in WORK.items():
                began = time.process_time()
                work(file)
                rates[name].append(asked.orders / (time.process_time() - began))
    for name, (_, bar) in WORK.items():
        print(f"{name}: {Spread.of(rates[name]).text()} orders a CPU-second (bar {bar:,})")


if __name__ == "__main__":
    main()
