"""What keeping the state safe costs, with a million live orders: pause, bytes, loss of throughput, time to load.

The state is loaded twice at the end, by a member that has stood by, and by one that reads everything.

    python -m tests.benchmarks.bench_checkpoint [--orders 1000000] [--seconds 20] [--pairs 3] [--real]

One process judges as fast as it can, without Kafka's part of the work but with a real broker for the changelog
(`--real`: Apache Kafka), in turns with checkpoints and without. Half of the events are new orders, half are payments
and shipments of earlier ones.
"""

from __future__ import annotations

import argparse
import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field

from config.settings import Settings, load
from features.state import State
from stream.checkpoint.changelog import Changelog
from stream.checkpoint.checkpointer import Checkpointer
from stream.checkpoint.metrics import CheckpointMetrics
from stream.checkpoint.schema import schema_of
from stream.checkpoint.shelf import Shelf
from stream.checkpoint.standby import Standby
from stream.engine.topics import ensure_topics
from stream.pipeline import Pipeline
from stream.record import StoredRecord
from tests.benchmarks.memory_per_key import order_created
from tests.benchmarks.spread import Spread, wide_console
from tests.parts.services import KINDS, settings_on

_BATCH = 2_000
_STEP_MS = 20
_START_MS = 1_767_600_000_000
_PARTITIONS = 4
_RECENT = 50_000


def _later(order: int, kind: str, at_ms: int, number: int) -> bytes:
    from stream.simulator.wire import rfc3339

    more = ',"amount":"100.00","currency":"CNY","method":"card"' if kind == "order.paid" else ',"carrier":"SF"'
    return (
        f'{{"event_id":"10000000-0000-4000-8000-{number:012d}","event_type":"{kind}","occurred_at":'
        f'"{rfc3339(at_ms)}","order_id":"ord-{order:08d}"{more}}}'
    ).encode()


@dataclass(slots=True)
class Shop:
    """Judges an endless stream, and says how far it is."""

    pipeline: Pipeline
    events: int = 0
    orders: int = 0
    judged: int = 0
    judging_seconds: float = 0.0
    making_seconds: float = 0.0
    position: dict[int, int] = field(default_factory=lambda: dict.fromkeys(range(_PARTITIONS), 0))
    draw: random.Random = field(default_factory=lambda: random.Random(1))

    def start_at(self, position: Mapping[int, int]) -> None:
        """Begin there."""
        self.position |= position

    async def until_told(self, judged: int) -> None:
        """Nobody is told anything."""

    def judge(self, *, only_new: bool = False) -> None:
        """One batch of one partition."""
        began = time.thread_time()
        partition = self.judged % _PARTITIONS
        values = [self._event(partition, only_new=only_new) for _ in range(_BATCH)]
        begin = self.position[partition]
        records = [StoredRecord(value, b"", begin + n, 0) for n, value in enumerate(values)]
        made = time.thread_time()
        self.pipeline.process(partition, records)
        self.making_seconds += made - began
        self.judging_seconds += time.thread_time() - made
        self.position[partition] += _BATCH
        self.judged += 1
        self.events += _BATCH

    def _event(self, partition: int, *, only_new: bool) -> bytes:
        self.draw.random()
        new = self.orders * _PARTITIONS + partition
        if only_new or self.draw.random() < 0.5:
            self.orders += 1
            return order_created("order", new)
        paid = self.draw.random() < 0.5
        back = self.draw.randrange(1, min(_RECENT, self.orders) if paid else self.orders)
        order = max(0, self.orders - back) * _PARTITIONS + partition
        return _later(order, "order.paid" if paid else "order.shipped", _START_MS + new * _STEP_MS, new)


async def turn(shop: Shop, checkpointer: Checkpointer | None, seconds: float) -> tuple[float, float]:
    """Events a second of CPU time, without what making them takes; and the share of it that is not judging."""
    saving = asyncio.ensure_future(checkpointer.run(lambda _: None)) if checkpointer else None
    began, events, cpu = time.monotonic(), shop.events, time.process_time()
    making, judging = shop.making_seconds, shop.judging_seconds
    while time.monotonic() - began < seconds:
        shop.judge()
        await asyncio.sleep(0)
    used = time.process_time() - cpu - (shop.making_seconds - making)
    rate, rest = (shop.events - events) / used, 1 - (shop.judging_seconds - judging) / used
    if saving is not None:
        saving.cancel()
        with suppress(asyncio.CancelledError):
            await saving
    return rate, rest


class Told(CheckpointMetrics):
    """Prints each checkpoint."""

    def saved(self, seconds: float, paused: float, nbytes: int, state_bytes: int) -> None:
        """As it comes."""
        super().saved(seconds, paused, nbytes, state_bytes)
        sizes = f"{state_bytes / 1e6:.0f} MB of state, {nbytes / 1e6:.1f} MB written"
        print(f"    checkpoint: pause {paused * 1e3:.0f} ms, durable after {seconds:.2f} s, {sizes}")


async def run(settings: Settings, arguments: argparse.Namespace) -> None:
    """Build the state, save it, compare, load it."""
    console = wide_console()
    shop = Shop(Pipeline(settings))
    while shop.orders < arguments.orders:
        shop.judge(only_new=True)
    await ensure_topics(settings, {})
    changelog = Changelog(settings.kafka, {})
    checkpointer = Checkpointer(
        shop.pipeline, shop, changelog, schema_of(settings), interval_seconds=arguments.interval, metrics=Told()
    )
    kept = _copied(shop.pipeline.get_state())
    await checkpointer.load({})
    shop.pipeline.set_state(kept)
    shop.judge()
    print(f"{shop.orders:,} orders; the first checkpoint writes all:")
    await checkpointer.try_to_save(lambda _: None)
    standby, idle = Standby(Changelog(settings.kafka, {})), [True]
    following = asyncio.ensure_future(standby.run(lambda: idle[0]))
    without, with_ = [], []
    await turn(shop, checkpointer, arguments.seconds)  # what comes first is not yet like the rest
    for pair in range(arguments.pairs):
        for is_on in ((False, True), (True, False))[pair % 2]:
            rate, rest = await turn(shop, checkpointer if is_on else None, arguments.seconds)
            word = "with" if is_on else "without"
            print(f"  {word} checkpoints {rate:,.0f} events a CPU-second, {rest:.1%} of it not spent on judging")
            (with_ if is_on else without).append(rate)
    console.print(f"with checkpoints / without: {Spread.of_ratios(with_, without).text('.3f')}")
    while standby.behind != 0:  # noqa: ASYNC110  # it is asked for by whoever looks, and tells nobody
        await asyncio.sleep(0.1)
    await checkpointer.try_to_save(lambda _: None)
    idle[0] = False
    await load_again(settings, "a member that stands by", standby.take)
    following.cancel()
    await load_again(settings, "any other", changelog.read)
    await changelog.stop()


async def load_again(settings: Settings, who: str, read: Callable[[], Awaitable[Shelf]]) -> None:
    """What a worker that takes over does."""
    fresh = Pipeline(settings)
    began, cpu = time.monotonic(), time.process_time()
    shelf = await read()
    read = time.monotonic()
    saved = shelf.newest()
    assert saved is not None
    joined = time.monotonic()
    fresh.set_state(saved.state)
    end, cpu = time.monotonic(), time.process_time() - cpu
    keys = sum(len(array) for name, array in saved.state.items() if name.endswith("keys/owner"))
    total = sum(array.nbytes for array in saved.state.values())
    records = sum(1 for _ in shelf.keys)
    print(
        f"{who} loaded {keys:,} keys, {total / 1e6:.0f} MB ({records:,} records): read {read - began:.2f} s, "
        f"put together {joined - read:.2f} s, set {end - joined:.2f} s: {keys / (end - began):,.0f} keys/s, "
        f"{keys / cpu:,.0f} a CPU-second"
    )


def _copied(state: State) -> State:
    return {name: array.copy() for name, array in state.items()}


def main() -> None:
    """Run on the embedded broker, or on Apache Kafka."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--orders", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=20.0, help="of each turn")
    parser.add_argument("--interval", type=float, default=load().checkpoint.interval_seconds)
    parser.add_argument("--pairs", type=int, default=3)
    parser.add_argument("--real", action="store_true", help="Apache Kafka instead of the embedded broker")
    arguments = parser.parse_args()
    with KINDS["real" if arguments.real else "embedded"]() as parts:
        asyncio.run(run(settings_on(parts.services), arguments))


if __name__ == "__main__":
    main()
