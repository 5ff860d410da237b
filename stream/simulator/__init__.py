"""A shop that does not exist: seeded order events, calibrated on real ones, with labelled incidents."""

from __future__ import annotations

from stream.simulator.label import Label
from stream.simulator.promotions import promotions_of
from stream.simulator.scenario import demo_scenario
from stream.simulator.scorecard import Scorecard, score_run
from stream.simulator.settings import SimulatorSettings
from stream.simulator.simulation import Simulation, simulate
from stream.simulator.wire import SimulatedEvent

__all__ = [
    "Label",
    "Scorecard",
    "SimulatedEvent",
    "Simulation",
    "SimulatorSettings",
    "demo_scenario",
    "promotions_of",
    "score_run",
    "simulate",
]
