"""The run: slot by slot orders are placed, incidents change them, and events come out in order of time."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING
from zlib import crc32

import numpy as np

from stream.simulator.incident import Incident, Scene
from stream.simulator.order import Order, OrderNumbers
from stream.simulator.rhythm import Rhythm, Slot
from stream.simulator.shop import Shop
from stream.simulator.stock import Stock
from stream.simulator.wire import SimulatedEvent, created_events, following_events, inventory_event

if TYPE_CHECKING:
    from stream.simulator.label import Label
    from stream.simulator.settings import SimulatorSettings

_STOCK_REPORT_MS = 400  # after the order that moved it
_SOURCES = ("shop", "rhythm", "traffic", "stock")


class Simulation(Iterator[SimulatedEvent]):
    """One pass over a run's events, ordered by event time; ties by key: the same seed gives the same bytes.

    Memory grows with the events that are still to come of orders already placed, never with the run's length
    alone. `labels` is complete once the last event is out.
    """

    def __init__(self, settings: SimulatorSettings) -> None:
        """Set the scene; the first event is made when it is asked for."""
        self.settings = settings
        seeds = dict(zip(_SOURCES, np.random.SeedSequence(settings.seed).spawn(len(_SOURCES)), strict=True))
        self._shop = Shop(settings, seeds["shop"])
        self._rhythm = Rhythm(settings, np.random.default_rng(seeds["rhythm"]))
        self._rng = np.random.default_rng(seeds["traffic"])
        self._stock = Stock(settings, np.random.default_rng(seeds["stock"]))
        # two runs into one topic must not share numbers, or the second is taken for a repeated delivery
        self._prefix = f"{crc32(f'{settings.seed}@{settings.start_ms}'.encode()) & 0xFFFFF:05X}"
        self._numbers = OrderNumbers(self._prefix, 0)
        self._scenes = [(incident, self._scene(i, incident)) for i, incident in enumerate(settings.incidents)]
        self._waiting: defaultdict[int, list[SimulatedEvent]] = defaultdict(list)
        self._events = self._run()

    def __iter__(self) -> Iterator[SimulatedEvent]:  # noqa: PYI034  # one call less an event
        """Go on with the one pass there is."""
        return self._events

    def __next__(self) -> SimulatedEvent:
        """Give the next event."""
        return next(self._events)

    @property
    def labels(self) -> list[Label]:
        """What the incidents have touched so far, in order of time; none shows after the run's end."""
        found = [label for incident, scene in self._scenes for label in incident.labels(scene)]
        end_ms = self.settings.end_ms
        shown = [replace(each, ends_at_ms=min(each.ends_at_ms, end_ms)) for each in found]
        return sorted((each for each in shown if each.starts_at_ms < end_ms), key=lambda each: each.starts_at_ms)

    def _scene(self, index: int, incident: Incident) -> Scene:
        seed = np.random.SeedSequence(self.settings.seed, spawn_key=(len(_SOURCES) + index,))
        begins_ms = self.settings.start_ms + round(incident.after_seconds * 1_000)
        return Scene(
            shop=self._shop,
            stock=self._stock,
            rng=np.random.default_rng(seed),
            numbers=OrderNumbers(self._prefix, 1 + index),
            begins_ms=begins_ms,
            ends_ms=begins_ms + round(incident.duration_seconds * 1_000),
        )

    def _run(self) -> Iterator[SimulatedEvent]:
        for slot in self._rhythm.slots():
            for order in self._orders(slot):
                self._file(order)
            ready = self._waiting.pop(slot.number, [])
            ready.sort()
            yield from ready

    def _orders(self, slot: Slot) -> list[Order]:
        orders = self._shop.place(self._rhythm.times(slot), self._rng, self._numbers)
        for incident, scene in self._scenes:
            scene.slot = slot
            orders = incident.inject(orders, scene)
        orders.sort(key=lambda order: order.time_ms)
        return orders

    def _file(self, order: Order) -> None:
        """Put everything that order brings before the run's end where it is due."""
        end_ms = self.settings.end_ms
        if order.time_ms >= end_ms:
            return
        for event in created_events(order, self._shop.catalogue, end_ms):
            self._due(event)
        if self.settings.life_cycle:
            for event in following_events(order, end_ms):
                self._due(event)
            self._sell(order)

    def _due(self, event: SimulatedEvent) -> None:
        self._waiting[self._rhythm.slot_of(event.time_ms)].append(event)

    def _sell(self, order: Order) -> None:
        time_ms = order.time_ms + _STOCK_REPORT_MS
        for line in order.lines:
            level = self._stock.sell(line.product, line.quantity, order.time_ms)
            told_ms = time_ms + self._stock.late_ms(time_ms)
            if level is not None and told_ms < self.settings.end_ms:
                event = inventory_event(time_ms, self._shop.catalogue.skus[line.product], level)
                self._due(event._replace(time_ms=told_ms))


def simulate(settings: SimulatorSettings) -> Simulation:
    """Yield the run's events in order of event time; `.labels` says afterwards what was injected.

    >>> from stream.simulator import SimulatorSettings
    >>> run = simulate(SimulatorSettings(duration_seconds=60.0))
    >>> times = [event.time_ms for event in run]
    >>> times == sorted(times), run.labels
    (True, [])
    """
    return Simulation(settings)
