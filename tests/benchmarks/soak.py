"""Hours in minutes: a steady load on a worker that holds a million orders, then ten times as much for a minute.

    python -m tests.benchmarks.soak [--minutes N] [--rate N] [--orders N] [--burst N] [--embedded] [--json FILE]

The worker's bound on live orders is reached before the clock starts, so that from then on each new order makes it
let go of an old one: memory that still grows is a leak. One order in ten thousand is spoilt and must raise an
alert; its delay is measured from `produce()` to the Redis message. Checkpoints are on, as they are by default.

It runs on Apache Kafka and redis-server (see `make test-real`): the embedded broker is for trying things out, and
takes seconds for a fetch once a topic holds millions of messages.
"""

from __future__ import annotations

import argparse
import socket
import subprocess
import tempfile
import time
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec
import numpy as np
import psutil  # type: ignore[import-untyped]  # carries no types
from prometheus_client.parser import text_string_to_metric_families
from rich.table import Table

from tests.benchmarks import systems
from tests.benchmarks.kafka_topic import PARTITIONS, make_topic
from tests.benchmarks.latency import Sender, Subscriber
from tests.benchmarks.orders_of_now import Orders
from tests.benchmarks.spread import wide_console
from tests.benchmarks.system import RunFailed, cores, last_words, pin, running
from tests.parts.services import kind_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from stream.embedded import Services

SPOILT_EVERY: Final = 10_000
P99_BAR_MS: Final = 1_000.0
GROWTH_BAR: Final = 0.05
"""Of memory, from the second third of the steady stretch to the last."""
BACKLOG_BAR_SECONDS: Final = 1.0
_TICK_SECONDS: Final = 0.02
_LOOK_SECONDS: Final = 5.0
_CATCH_UP_SECONDS: Final = 900.0
_LINGER_MS: Final = 5  # a shop's producer at such rates; a request for each order is what the broker would be busy with
_AHEAD: Final = 200_000  # events that the sender may be ahead while it fills: what waits is in the broker's memory


@dataclass(frozen=True, slots=True)
class Look:
    """The worker at one moment. `backlog` : events that were sent and not yet judged."""

    at: float
    phase: str
    rss_mib: float
    backlog: int
    rate: float


@dataclass(slots=True)
class Soak:
    """One run: what was seen, and the delay of each alert by the phase in which its order was sent."""

    looks: list[Look] = field(default_factory=list)
    delays_ms: dict[str, list[float]] = field(default_factory=dict)
    lost: int = 0
    caught_up_seconds: float = 0.0

    def growth(self) -> float:
        """Of memory, between the second and the last third of the steady stretch."""
        rss = [look.rss_mib for look in self.looks if look.phase == "steady"]
        third = max(1, len(rss) // 3)
        return float(np.median(rss[-third:]) / np.median(rss[third : 2 * third]) - 1.0)

    def p99_ms(self, phase: str) -> float:
        """Delay that one alert in a hundred exceeds."""
        return float(np.percentile(self.delays_ms[phase], 99))


class _Worker:
    """The worker under test, seen from outside."""

    def __init__(self, process: subprocess.Popen[bytes], port: int, report: Path) -> None:
        self._process, self._port, self._report = process, port, report

    def judged(self) -> int:
        """Events that it has judged."""
        if self._process.poll() is not None:
            raise RunFailed(f"the worker has ended: {last_words(self._report)}")
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self._port}/metrics", timeout=10) as answer:
                text = answer.read().decode()
        except OSError:
            return 0  # it starts
        wanted = "orderwatch_events_total"
        samples = (sample for family in text_string_to_metric_families(text) for sample in family.samples)
        return int(next((sample.value for sample in samples if sample.name == wanted), 0))

    def rss_mib(self) -> float:
        """Its memory."""
        return float(psutil.Process(self._process.pid).memory_info().rss / 2**20)


class _Run:
    """Drives one soak."""

    def __init__(
        self, worker: _Worker, sender: Sender, subscriber: Subscriber, orders: Orders, console: Console
    ) -> None:
        self._worker, self._sender, self._subscriber, self._console = worker, sender, subscriber, console
        self._orders, self._sent = orders, 0
        self._spoilt: dict[str, list[str]] = {}
        self._next_look, self._last = 0.0, (time.monotonic(), 0)
        self.result = Soak()

    def fill(self, orders: int) -> None:
        """Send as many orders as the worker is to hold, as fast as it takes them."""
        while self._sent < orders:
            self._send(1_000, "fill")
            self._look("fill")
            while self._sent - self._worker.judged() > _AHEAD:
                time.sleep(_TICK_SECONDS)
        self.catch_up("fill")

    def send(self, phase: str, rate: float, seconds: float) -> None:
        """Send at a steady rate; never in bursts to catch up with more than a second's delay."""
        began = due = time.monotonic()
        while (now := time.monotonic()) < began + seconds:
            due = max(due, now - 1.0)
            self._send(int((now - due) * rate), phase)
            due += int((now - due) * rate) / rate
            self._look(phase)
            time.sleep(_TICK_SECONDS)

    def catch_up(self, phase: str) -> float:
        """Wait until all is judged; seconds."""
        began = time.monotonic()
        while self._worker.judged() < self._sent:
            self._look(phase)
            if time.monotonic() > began + _CATCH_UP_SECONDS:
                raise RunFailed(f"{self._sent - self._worker.judged()} events wait after {_CATCH_UP_SECONDS:g} s")
            time.sleep(_TICK_SECONDS * 10)
        return time.monotonic() - began

    def settle(self) -> None:
        """Take the delays, once the last alerts have had their time."""
        time.sleep(2 * P99_BAR_MS / 1_000)
        came, sent = self._subscriber.came, self._sender.sent
        for phase, keys in self._spoilt.items():
            self.result.delays_ms[phase] = [(came[key] - sent[key]) * 1_000 for key in keys if key in came]
            self.result.lost += sum(key not in came for key in keys)

    def _send(self, count: int, phase: str) -> None:
        for _ in range(count):
            message = self._orders.next()
            self._sender.send(message)
            if self._orders.is_spoilt(self._sent):
                self._spoilt.setdefault(phase, []).append(message.key.decode())
            else:
                del self._sender.sent[message.key.decode()]
            self._sent += 1

    def _look(self, phase: str) -> None:
        now = time.monotonic()
        if now < self._next_look:
            return
        self._next_look = now + _LOOK_SECONDS
        before, judged_before = self._last
        judged = self._worker.judged()
        self._last = (now, judged)
        rate = (judged - judged_before) / max(now - before, 1e-9)
        look = Look(now, phase, self._worker.rss_mib(), self._sent - judged, rate)
        self.result.looks.append(look)
        self._console.print(
            f"  {phase:8} {look.rss_mib:7.0f} MiB  {look.rate:9,.0f} events/s  {look.backlog:9,d} wait", highlight=False
        )


def run(
    services: Services,
    console: Console,
    *,
    minutes: float,
    rate: float,
    orders: int,
    burst: float,
    spoilt_every: int = SPOILT_EVERY,
) -> Soak:
    """Fill, hold, burst and catch up."""
    port = _free_port()
    environment = {
        "ORDERWATCH_WEB__ON": "true",
        "ORDERWATCH_WEB__PORT": str(port),
        "ORDERWATCH_STATE__MAX_ORDERS": str(orders // PARTITIONS),
    }
    topic = make_topic(services.kafka_brokers, "soak")
    sender = Sender(services.kafka_brokers, topic, linger_ms=_LINGER_MS)
    subscriber = Subscriber(services.redis_url, systems.OURS.channel)
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "none.json")
        try:
            with running(systems.OURS, services, topic, report, core=cores()[1], environment=environment) as process:
                soak = _Run(_Worker(process, port, report), sender, subscriber, Orders(spoilt_every), console)
                soak.fill(orders)
                soak.send("steady", rate, minutes * 60)
                soak.send("burst", rate * burst, 60.0 if minutes >= 1 else minutes * 60)
                soak.result.caught_up_seconds = soak.catch_up("burst")
                soak.send("after", rate, 30.0 if minutes >= 1 else minutes * 60)
                soak.settle()
        finally:
            subscriber.close()
            sender.close()
    return soak.result


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def table_of(soak: Soak, rate: float) -> Table:
    """What was measured, beside what is to be reached."""
    steady = [look for look in soak.looks if look.phase == "steady"]
    last = max(look.backlog for look in steady[-len(steady) // 3 :]) / rate
    rows: Iterator[tuple[str, str, str]] = iter(
        [
            ("orders a second, steady", f"{np.median([look.rate for look in steady]):,.0f}", f"{rate:,.0f}"),
            ("memory, MiB", f"{steady[0].rss_mib:.0f} to {steady[-1].rss_mib:.0f}", ""),
            ("memory, last third / second", f"{soak.growth():+.1%}", f"<= {GROWTH_BAR:.0%}"),
            ("most that waited in the last third, s", f"{last:.2f}", f"<= {BACKLOG_BAR_SECONDS:g}"),
            ("p99 of an alert, steady, ms", f"{soak.p99_ms('steady'):.0f}", f"<= {P99_BAR_MS:.0f}"),
            ("caught up after the burst, s", f"{soak.caught_up_seconds:.0f}", ""),
            ("p99 of an alert after the burst, ms", f"{soak.p99_ms('after'):.0f}", f"<= {P99_BAR_MS:.0f}"),
            ("alerts lost", str(soak.lost), "0"),
        ]
    )
    table = Table(title="Soak")
    for heading in ("", "measured", "to reach"):
        table.add_column(heading, justify="right" if heading else "left")
    for row in rows:
        table.add_row(*row)
    return table


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=30.0, help="of steady load")
    parser.add_argument("--rate", type=float, default=5_000.0, help="orders a second")
    parser.add_argument("--orders", type=int, default=1_000_000, help="that the worker holds")
    parser.add_argument("--burst", type=float, default=10.0, help="times the rate, for a minute")
    parser.add_argument("--embedded", action="store_true", help="on the embedded broker, for a few minutes at most")
    parser.add_argument("--json", type=Path, help="write what was seen to this file")
    arguments = parser.parse_args()
    console = wide_console()
    pin(cores()[0])
    with kind_of(not arguments.embedded)() as parts:
        asked = {name: getattr(arguments, name) for name in ("minutes", "rate", "orders", "burst")}
        soak = run(parts.services, console, **asked)
    console.print(table_of(soak, arguments.rate))
    if arguments.json:
        arguments.json.write_bytes(msgspec.json.format(msgspec.json.encode(soak)))


if __name__ == "__main__":
    main()
