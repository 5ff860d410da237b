"""The payment provider confirms days late."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from stream.evaluation.fault import HOUR_MS, Fault, Stage
from stream.evaluation.history import moved, time_of
from stream.simulator.difficulty import Difficulty
from stream.simulator.label import Label

_HOURS = 24.0
_LEAST = 5


class LatePayment(Fault):
    """Sizes are the days by which a day's payments, and all that follows them, are late."""

    kinds: ClassVar[tuple[str, ...]] = (
        "payment.overdue",
        "payment.callbacks_missing",
        "latency.outlier",
        "latency.slow_route",
        "missing.payment",
    )
    also: ClassVar[tuple[str, ...]] = ("behaviour", "process", "volume", "system", "logistics", "latency")
    needs: ClassVar[frozenset[str]] = frozenset({"order.created", "order.paid"})
    shows_within_days: ClassVar[float] = 10.0
    sizes: ClassVar[Mapping[Difficulty, float]] = {"easy": 6.0, "medium": 3.0, "hard": 1.5}

    def inject(self, stage: Stage) -> Label | None:
        """Hold a day's payments up."""
        history, shows = stage.history, []
        begins_ms, ends_ms = stage.placed(_HOURS)
        for order in history.untouched(begins_ms, ends_ms):
            paid = history.stage(order, "order.paid")
            if paid is not None:
                shows.append((time_of(paid), order))
                moved(history.life(order), round(self.sizes[stage.difficulty] * 24 * HOUR_MS), "order.paid")
                history.touch(order)
        return self.label("overall/all", shows) if len(shows) >= _LEAST else None
