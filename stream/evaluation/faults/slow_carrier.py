"""What is handed over for some days takes several times as long."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from stream.evaluation.fault import HOUR_MS, Fault, Stage
from stream.evaluation.history import moved, time_of
from stream.simulator.difficulty import Difficulty
from stream.simulator.label import Label

_HANDED_OVER_MS = 72 * HOUR_MS
_LEAST = 10


class SlowCarrier(Fault):
    """Sizes are times the usual transit, for everything that is handed over within three days."""

    kinds: ClassVar[tuple[str, ...]] = ("latency.slow_route", "logistics.delivery_overdue", "latency.outlier")
    also: ClassVar[tuple[str, ...]] = ("behaviour", "process", "latency", "logistics")
    needs: ClassVar[frozenset[str]] = frozenset({"order.created", "order.shipped", "order.delivered"})
    shows_within_days: ClassVar[float] = 40.0
    sizes: ClassVar[Mapping[Difficulty, float]] = {"easy": 5.0, "medium": 3.0, "hard": 2.0}

    def inject(self, stage: Stage) -> Label | None:
        """Let parcels arrive late."""
        history, shows, due = stage.history, [], []
        carrier = ""
        until_ms = stage.begins_ms + _HANDED_OVER_MS
        for order in history.untouched(stage.begins_ms - 10 * 24 * HOUR_MS, until_ms):
            shipped, delivered = (history.stage(order, f"order.{name}") for name in ("shipped", "delivered"))
            if shipped and delivered and stage.begins_ms <= time_of(shipped) < until_ms:
                due.append(time_of(delivered))
                transit_ms = time_of(delivered) - time_of(shipped)
                moved(history.life(order), round(transit_ms * (self.sizes[stage.difficulty] - 1.0)), "order.delivered")
                history.touch(order)
                shows.append((min(time_of(delivered), due[-1] + transit_ms), order))
                carrier = shipped["carrier"]
        return self.label(f"carrier/{carrier}", shows) if len(shows) >= _LEAST else None
