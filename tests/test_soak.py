"""The soak test, short: `make soak` is the long one, and says more."""

from __future__ import annotations

from rich.console import Console

from stream.embedded import embedded_services
from tests.benchmarks import soak


def test_a_worker_at_its_bound_of_orders_loses_no_alert_in_a_burst_and_catches_up() -> None:
    with embedded_services() as services:
        seen = soak.run(
            services, Console(quiet=True), minutes=0.05, rate=1_000.0, orders=4_000, burst=5.0, spoilt_every=500
        )
    assert seen.lost == 0
    assert {"fill", "burst", "after"} <= seen.delays_ms.keys()
    assert seen.looks[-1].backlog < 5_000
