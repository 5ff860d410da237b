"""All that one partition of the order log can know: its event-time clock, its keys, its orders, its features."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

import numpy as np

from config.settings import Settings
from features.batch import ORDER_TIMES, Batch, Column
from features.feature import Feature
from features.keys import Keys
from features.order_life import OrderLife
from features.reconciliation import Reconciliation
from features.state import State, Stateful, gathered, restore
from features.tabulate import nothing

_SMALL_SPACE: Final = 10_000
"""Channels, versions, regions, carriers, methods: few in any honest shop, bounded in a dishonest one."""


def key_spaces(settings: Settings) -> dict[str, Keys]:
    """The key spaces of one partition, by kind."""
    state = settings.state
    capacity = {
        "order": state.max_orders,
        "product": state.max_products,
        "seller": state.max_sellers,
        "promotion": state.max_promotions,
        "route": state.max_routes,
        "group": state.max_routes,
        "stage": len(ORDER_TIMES),
    }
    small = ("channel", "client_version", "region", "carrier", "currency", "method")
    return {kind: Keys(kind, n) for kind, n in (capacity | dict.fromkeys(small, _SMALL_SPACE)).items()}


class Partition:
    """Turns the batches of one partition into columns, in the order of its log.

    Parameters
    ----------
    settings
        State bounds, allowed lateness and stage limits.
    features
        The features that are on, in the order in which they are computed; bound to this partition here.
    """

    def __init__(self, settings: Settings, features: Mapping[str, Feature]) -> None:
        """Start with an empty state."""
        self.spaces = key_spaces(settings)
        self.clock_ms = 0
        self._lateness_ms = int(settings.time.allowed_lateness_seconds * 1000)
        self._life = OrderLife(settings.stages.limits_seconds, settings.stages.route_spreads)
        self._reconciliation = Reconciliation(settings.stages.limits_seconds)
        self._features = dict(features)
        for feature in self._features.values():
            feature.bind(self.spaces)

    def transform(self, batch: Batch) -> None:
        """Fill in the batch's clock, lateness, order lives, overdue orders and feature columns."""
        batch.clock_ms = np.maximum(np.maximum.accumulate(batch.time_ms), self.clock_ms)
        batch.late = batch.time_ms < batch.clock_ms - self._lateness_ms
        if len(batch):
            self.clock_ms = int(batch.clock_ms[-1])
        batch.life, overdue = self._life.follow(batch, self.spaces)
        batch.overdue = overdue.and_also(self._reconciliation.follow(batch, self.spaces["order"]))
        for name, feature in self._features.items():
            column = batch.columns[name] = feature.transform(batch)
            column.level = feature.level

    def get_state(self) -> State:
        """All that the partition remembers."""
        clock = {"clock": {"ms": np.array([self.clock_ms])}}
        return gathered(clock | {name: part.get_state() for name, part in self._parts().items()})

    def set_state(self, state: State) -> None:
        """Go on from a state of the same settings."""
        self.clock_ms = int(state["clock/ms"][0])
        restore(self._parts(), state)

    def _parts(self) -> dict[str, Stateful]:
        spaces = {f"space.{kind}": space for kind, space in self.spaces.items()}
        features = {f"feature.{name}": feature for name, feature in self._features.items()}
        return {"life": self._life, "reconciliation": self._reconciliation, **spaces, **features}

    def advance(self, now_ms: int) -> Batch:
        """Let event time pass in a silent partition; the batch holds no event, but who became overdue."""
        self.clock_ms = max(self.clock_ms, now_ms)
        batch = nothing()
        batch.passed_ms = self.clock_ms
        batch.columns = {name: Column.silent(0) for name in self._features}
        issues = self._reconciliation.expire(self.clock_ms, self.spaces["order"])
        batch.overdue = self._life.expire(self.clock_ms, self.spaces).and_also(issues)
        return batch
