"""From `produce()` to the message on the Redis channel, at a steady rate of orders.

One order in twenty has a wrong total, so it must raise an alert of its own at once; the others are honest.
The clock of each starts right before the producer is called, and stops when a subscriber has its alert.

    python -m tests.benchmarks.latency [--quick] [--real] [--json FILE]
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import msgspec
import numpy as np
import psutil  # type: ignore[import-untyped]  # carries no types
import redis
from confluent_kafka import Producer
from rich.table import Table

from tests.benchmarks import systems, workload
from tests.benchmarks.kafka_topic import Lost, make_topic
from tests.benchmarks.spread import Spread, wide_console
from tests.benchmarks.system import RunFailed, System, cores, last_words, pin, running
from tests.parts.services import kind_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stream.embedded import Services
    from tests.benchmarks.workload import Message

RATE: Final = 500
"""Orders a second."""
SPOILT_EVERY: Final = 20
SECONDS: Final = 8.0
"""A run: 200 alerts."""
P50_BAR_MS, P99_BAR_MS = 20.0, 60.0
_SETTLE_SECONDS: Final = 3.0
_START_SECONDS: Final = 120.0
_STRAGGLER_SECONDS: Final = 10.0
_PROBE_SECONDS: Final = 0.5
_FULL_SECONDS: Final = 0.1


@dataclass(frozen=True, slots=True)
class Latency:
    """One run: alerts that were due and that came, milliseconds, and the core's share that was used."""

    due: int
    lost: int
    p50_ms: float
    p99_ms: float
    cpu_share: float


class Subscriber:
    """Notes when the first alert of each order comes; a thread of its own, so that nothing waits for it."""

    def __init__(self, url: str, channel: str) -> None:
        self.came: dict[str, float] = {}
        self._server = redis.Redis.from_url(url)
        self._messages = self._server.pubsub(ignore_subscribe_messages=True)  # type: ignore[no-untyped-call]  # has none
        self._messages.subscribe(channel)
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._listen, name="subscriber")
        self._thread.start()

    def close(self) -> None:
        """Stop listening."""
        self._stop.set()
        self._thread.join()
        self._messages.close()
        self._server.close()

    def _listen(self) -> None:
        while not self._stop.is_set():
            message = self._messages.get_message(timeout=0.2)
            if message is not None:
                now = time.perf_counter()
                for order_id in _orders_of(message["data"]):
                    self.came.setdefault(order_id, now)


def _orders_of(data: bytes) -> list[str]:
    alert: dict[str, Any] = msgspec.json.decode(data)
    return alert["data"]["order_ids"] if "data" in alert else [alert["order_id"]]


class Sender:
    """Sends messages at a steady rate and notes when."""

    def __init__(self, brokers: str, topic: str, *, linger_ms: int = 0) -> None:
        self.sent: dict[str, float] = {}
        self._topic = topic
        self._lost = Lost()
        self._producer = Producer(
            {"bootstrap.servers": brokers, "partitioner": "murmur2_random", "linger.ms": linger_ms}
        )

    def send(self, message: Message) -> None:
        """Send one now."""
        self.sent[message.key.decode()] = time.perf_counter()
        while not self._produce(message):
            self._producer.poll(_FULL_SECONDS)
        self._producer.poll(0)

    def _produce(self, message: Message) -> bool:
        try:
            self._producer.produce(self._topic, message.value, message.key, on_delivery=self._lost.note)
        except BufferError:  # the broker is slower than we are
            return False
        return True

    def send_steadily(self, messages: Sequence[Message], rate: float) -> None:
        """Send all, each at its turn; never in bursts to catch up with more than one turn's delay."""
        due = time.perf_counter()
        for message in messages:
            time.sleep(max(0.0, due - time.perf_counter()))
            self.send(message)
            due = max(due + 1.0 / rate, time.perf_counter() - 1.0 / rate)

    def close(self) -> None:
        """Wait for the broker, and refuse to have lost anything."""
        self._producer.flush(_STRAGGLER_SECONDS)
        self._lost.refuse()


def orders(seconds: float) -> tuple[list[Message], set[str]]:
    """Orders of the coming seconds, one in twenty spoilt; and the ids of those."""
    honest = workload.created(round(RATE * seconds), start=datetime.now(UTC), orders_per_second=RATE)
    messages = [workload.spoilt(message, i) if i % SPOILT_EVERY == 0 else message for i, message in enumerate(honest)]
    return messages, {message.key.decode() for message in messages[::SPOILT_EVERY]}


def measure(system: System, services: Services, seconds: float) -> Latency:
    """Run `system` at the steady rate for `seconds`, after a few to settle."""
    topic = make_topic(services.kafka_brokers, "latency")
    _forget(services.redis_url)
    messages, spoilt = orders(_SETTLE_SECONDS + seconds)
    settling = round(_SETTLE_SECONDS * RATE)
    sender, subscriber = Sender(services.kafka_brokers, topic), Subscriber(services.redis_url, system.channel)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "none.json")
        try:
            with running(system, services, topic, report, core=cores()[1]) as process:
                _await_first(sender, subscriber, lambda: process.poll() is not None, report)
                sender.send_steadily(messages[:settling], RATE)
                cpu, began = _cpu_seconds(process.pid), time.perf_counter()
                sender.send_steadily(messages[settling:], RATE)
                share = (_cpu_seconds(process.pid) - cpu) / (time.perf_counter() - began)
                due = [key for key in _keys(messages[settling:]) if key in spoilt]
                _await_all(subscriber, due)
        finally:
            subscriber.close()
            sender.close()
    return _latency(due, sender.sent, subscriber.came, share)


def _forget(redis_url: str) -> None:
    """Empty Redis: each round sends the same orders, and takes alerts that an earlier round told for told."""
    with redis.Redis.from_url(redis_url) as server:
        server.flushall()


def _keys(messages: Sequence[Message]) -> list[str]:
    return [message.key.decode() for message in messages]


def _await_first(sender: Sender, subscriber: Subscriber, ended: Callable[[], bool], report: Path) -> None:
    """Send spoilt orders until an alert comes back: the system is at work."""
    probes = workload.created(round(_START_SECONDS / _PROBE_SECONDS), start=datetime.now(UTC))
    for number, probe in enumerate(probes):
        sender.send(workload.spoilt(probe, -1 - number))
        time.sleep(_PROBE_SECONDS)
        if subscriber.came:
            return
        if ended():
            break
    raise RunFailed(f"no alert within {_START_SECONDS:g} s of the start; {last_words(report)}")


def _await_all(subscriber: Subscriber, due: Sequence[str]) -> None:
    deadline = time.perf_counter() + _STRAGGLER_SECONDS
    while time.perf_counter() < deadline and not all(key in subscriber.came for key in due):
        time.sleep(0.05)


def _latency(due: Sequence[str], sent: dict[str, float], came: dict[str, float], share: float) -> Latency:
    taken_ms = [(came[key] - sent[key]) * 1_000.0 for key in due if key in came]
    if not taken_ms:
        raise RunFailed(f"none of {len(due)} alerts came")
    p50, p99 = np.percentile(taken_ms, [50, 99])
    return Latency(len(due), len(due) - len(taken_ms), float(p50), float(p99), share)


def _cpu_seconds(pid: int) -> float:
    used = psutil.Process(pid).cpu_times()
    return float(used.user + used.system)


@dataclass(frozen=True, slots=True)
class Result:
    """All rounds of one system."""

    name: str
    rounds: list[Latency]


def run(services: Services, *, rounds: int, seconds: float, compared: Sequence[System]) -> list[Result]:
    """Measure every system `rounds` times, interleaved."""
    results = [Result(system.name, []) for system in compared]
    for _ in range(rounds):
        for system, result in zip(compared, results, strict=True):
            result.rounds.append(measure(system, services, seconds))
    return results


def table_of(results: Sequence[Result]) -> Table:
    """What was measured."""
    table = Table(title=f"From produce() to the Redis message, {RATE} orders/s: median (least-greatest)")
    for heading in ("", "p50 ms", "p99 ms", "core used", "alerts due", "lost"):
        table.add_column(heading, justify="right" if heading else "left")
    for result in results:
        table.add_row(
            result.name,
            Spread.of([each.p50_ms for each in result.rounds]).text(".1f"),
            Spread.of([each.p99_ms for each in result.rounds]).text(".1f"),
            Spread.of([each.cpu_share for each in result.rounds]).text(".0%"),
            str(sum(each.due for each in result.rounds)),
            str(sum(each.lost for each in result.rounds)),
        )
    table.add_row("to reach", f"{P50_BAR_MS:g}", f"{P99_BAR_MS:g}", "", "", "0")
    return table


COMPARED: Final = (systems.OURS, systems.NO_TABLE, systems.PLAIN)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one round")
    parser.add_argument("--only", nargs="*", default=[], help="parts of the names of the systems to run")
    parser.add_argument("--real", action="store_true", help="on Apache Kafka and redis-server; see make test-real")
    parser.add_argument("--json", type=Path, help="write every round to this file")
    arguments = parser.parse_args()
    chosen = [s for s in COMPARED if not arguments.only or any(name in s.name for name in arguments.only)]
    pin(cores()[0])
    with kind_of(arguments.real)() as parts:
        results = run(parts.services, rounds=1 if arguments.quick else 3, seconds=SECONDS, compared=chosen)
    wide_console().print(table_of(results))
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(results)))


if __name__ == "__main__":
    main()
