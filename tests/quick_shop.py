"""A small simulated shop of three hours, and a day of it: what several tests of the simulator read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from typing import Any

import msgspec

from stream.simulator import SimulatorSettings, simulate
from stream.simulator.incidents import make
from stream.simulator.simulation import Simulation
from stream.simulator.wire import SimulatedEvent

HOUR = 3_600.0
QUICK = SimulatorSettings(
    seed=11,
    duration_seconds=3 * HOUR,
    orders_per_second=0.2,
    season_strength=0.0,
    latency_scale=1 / 2_000,
    products=60,
    customers=5_000,
)


def decoded(run: Iterable[SimulatedEvent]) -> list[dict[str, Any]]:
    """Its events as JSON."""
    return [msgspec.json.decode(event.value) for event in run]


def created_in(events: Iterable[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """The orders placed, by their ids."""
    return {event["order_id"]: event for event in events if event["event_type"] == "order.created"}


def with_incident(name: str, settings: SimulatorSettings = QUICK, **parameters: Any) -> Simulation:
    """A run in which this incident befalls the shop for half an hour from the first on."""
    given = {"after_seconds": HOUR, "duration_seconds": HOUR / 2} | parameters
    return simulate(replace(settings, incidents=(make(name, **given),)))


@cache
def honest_day() -> list[dict[str, Any]]:
    """About 12,000 orders of one flat day, as JSON."""
    day = replace(QUICK, duration_seconds=24 * HOUR, orders_per_second=0.14, products=400)
    return decoded(simulate(day))
