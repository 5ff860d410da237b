"""Bytes that one live key costs, by kind of key.

A pipeline of the default settings, with one partition, reads orders whose keys of one kind are all new while
those of the others come from small pools; each kind in a fresh process. Two figures: what the objects of the
pipeline hold (arrays, dictionaries and texts added up), and by how much the process grew. What an order costs
is taken off the other kinds, and what a remembered event id costs is taken off the order.

    python -m tests.benchmarks.memory_per_key [--quick] [--kinds KIND ...] [--json FILE]
"""

from __future__ import annotations

import argparse
import ctypes
import gc
import multiprocessing
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Final

import msgspec
import numpy as np
import psutil  # type: ignore[import-untyped]  # carries no types
from rich.table import Table

from config.settings import load
from features.keys import Keys
from stream.pipeline import Pipeline
from stream.record import Record, StoredRecord
from stream.simulator.wire import rfc3339
from tests.benchmarks.spread import wide_console
from tests.benchmarks.workload import FIRST

BAR_BYTES: Final = 300
BATCH: Final = 500
_START: Final = "fork" if sys.platform == "linux" else "spawn"
_WARM_UP: Final = 10_000
_STEP_MS: Final = 20
_START_MS: Final = round(FIRST.timestamp() * 1000)
_PAIRED: Final = 200
"""Promotions of each side that are paired: 40,000 pairs of 400 promotions."""

POOLS: Final = {"order": 4_999, "customer": 5_003, "product": 1_009, "seller": 101, "promotion": 53}
"""How many keys of a kind there are while another kind grows."""
KINDS: Final = {
    "event id": ("", 300_000),
    "order": ("event id", 300_000),
    "product": ("order", 100_000),
    "customer": ("order", 100_000),
    "seller": ("order", 40_000),
    "promotion": ("order", 20_000),
    "promotion pair": ("order", 20_000),
}
"""Kind -> the kind whose cost its events also have, and how many keys are grown (the bounds allow it)."""


@dataclass(frozen=True, slots=True)
class Held:
    """What is in use at one moment: bytes in the pipeline's objects and of the process, and rows of state."""

    objects: int
    process: int
    rows: int


@dataclass(frozen=True, slots=True)
class PerKey:
    """Bytes a key of one kind. It has `rows` rows of state: prices and counts of a product are kept apart."""

    kind: str
    keys: int
    objects: float
    process: float
    rows: float

    @property
    def bytes_a_row(self) -> float:
        """Bytes a live row: its key in one key space, and the arrays beside it."""
        return self.objects / max(self.rows, 1.0)


def order_created(kind: str, i: int) -> bytes:
    """The i-th order, with a new key of `kind`."""
    promotion, paired = "", ""
    if kind == "promotion":
        promotion = f"promotion-{i:08d}"
    elif kind == "promotion pair":
        promotion, other = f"P{i % _PAIRED}", f"Q{i // _PAIRED % _PAIRED}"
        paired = f',{{"promotion_id":"{other}","amount":"5.00"}}'

    def key(what: str) -> str:
        """As long as the keys of the simulated shop."""
        return f"{what[:3]}-{i if what == kind else i % POOLS[what]:08d}"

    given = f'{{"promotion_id":"{promotion}","amount":"5.00"}}{paired}' if promotion else ""  # each pair has a key
    order = key("order") if kind == "event id" else f"ord-{i:08d}"
    return (
        f'{{"event_id":"00000000-0000-4000-8000-{i:012d}","event_type":"order.created","occurred_at":'
        f'"{rfc3339(_START_MS + i * _STEP_MS)}","order_id":"{order}","channel":"web",'
        f'"customer_id":"{key("customer")}","currency":"CNY","line_items":[{{"sku":"sku-{i % 997}",'
        f'"product_id":"{key("product")}","seller_id":"{key("seller")}","quantity":1,"price":"100.00"}}],'
        f'"discounts":[{given}],"total_price":"{100 - 5 * given.count("amount")}.00"}}'
    ).encode()


def records(kind: str, start: int, end: int) -> Iterator[list[Record]]:
    """Orders `start` to `end` in batches."""
    for at in range(start, end, BATCH):
        yield [
            StoredRecord(order_created(kind, i), b"", i, _START_MS + i * _STEP_MS)
            for i in range(at, min(at + BATCH, end))
        ]


def grow(kind: str, counts: list[int]) -> dict[int, Held]:
    """What is held more at each of `counts` new keys than before the first."""
    pipeline = Pipeline(load(), partitions=1)
    _feed(pipeline, "event id", 0, _WARM_UP)
    before, done, grown = held(pipeline), _WARM_UP, {}
    for count in sorted(counts):
        _feed(pipeline, kind, done, _WARM_UP + count)
        done, now = _WARM_UP + count, held(pipeline)
        grown[count] = _more(now, before)
    return grown


def _feed(pipeline: Pipeline, kind: str, start: int, end: int) -> None:
    for batch in records(kind, start, end):
        pipeline.process(0, batch, wait=False)


def held(pipeline: Pipeline) -> Held:
    """What is in use now; what the allocator merely keeps for later is given back first, where it can be."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
    if trim is not None:
        trim(0)
    total = rows = 0
    for one in reachable(pipeline):
        total += sys.getsizeof(one)
        rows += len(one) if isinstance(one, Keys) else 0
    return Held(total, int(psutil.Process().memory_info().rss), rows)


def reachable(root: object) -> Iterator[object]:
    """Everything that can be reached from `root`, code and types aside; each object once."""
    seen, waiting = set[int](), [root]
    while waiting:
        one = waiting.pop()
        if id(one) in seen or isinstance(one, type | ModuleType | FunctionType) or _is_code(one):
            continue
        seen.add(id(one))
        yield one
        waiting.extend([one.base] if isinstance(one, np.ndarray) else gc.get_referents(one))


def _more(now: Held, before: Held) -> Held:
    return Held(now.objects - before.objects, now.process - before.process, now.rows - before.rows)


def _is_code(one: object) -> bool:
    return type(one).__module__.partition(".")[0] in {"numba", "llvmlite", "pydantic", "pydantic_core"}


def measure(kinds: list[str], share: float) -> list[PerKey]:
    """Bytes a key of each of `kinds`; `share` of the full number of keys."""
    counts = {kind: max(round(count * share), BATCH) for kind, (_, count) in KINDS.items()}
    wanted: dict[str, set[int]] = {}
    for kind in kinds:
        for run in filter(None, (kind, KINDS[kind][0])):
            wanted.setdefault(run, set()).add(counts[kind])
    _feed(Pipeline(load(), partitions=1), "event id", 0, _WARM_UP)  # loads what every run needs, once
    with multiprocessing.get_context(_START).Pool(1, maxtasksperchild=1) as pool:
        runs = {kind: pool.apply_async(grow, (kind, list(each))) for kind, each in wanted.items()}
        grown = {kind: run.get() for kind, run in runs.items()}
    return [_per_key(kind, counts[kind], grown) for kind in kinds]


def _per_key(kind: str, count: int, grown: dict[str, dict[int, Held]]) -> PerKey:
    own, base = grown[kind][count], KINDS[kind][0]
    more = _more(own, grown[base][count]) if base else own
    return PerKey(kind, count, more.objects / count, more.process / count, more.rows / count)


def table_of(results: list[PerKey]) -> Table:
    """What was measured, against what is to be reached."""
    table = Table(title=f"Bytes a live key (to reach: at most {BAR_BYTES} a row)")
    for heading in ("", "keys", "bytes in objects", "process grew by", "rows of state", "bytes a row"):
        table.add_column(heading, justify="right" if heading else "left")
    for result in results:
        table.add_row(
            result.kind,
            f"{result.keys:,}",
            f"{result.objects:,.0f}",
            f"{result.process:,.0f}",
            f"{result.rows:.1f}",
            f"{result.bytes_a_row:,.0f}",
        )
    return table


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="a tenth of the keys")
    parser.add_argument("--kinds", nargs="*", default=list(KINDS), choices=KINDS)
    parser.add_argument("--json", type=Path, help="write the figures to this file")
    arguments = parser.parse_args()
    results = measure(arguments.kinds, 0.1 if arguments.quick else 1.0)
    wide_console().print(table_of(results))
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(results)))


if __name__ == "__main__":
    main()
