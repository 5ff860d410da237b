"""A payment method takes less than the order's total."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from stream.evaluation.fault import Fault, Stage
from stream.evaluation.history import minor_of, time_of
from stream.importers.source import money
from stream.simulator.difficulty import Difficulty
from stream.simulator.label import Label

_ORDERS = 3


class WrongAmount(Fault):
    """Sizes are the share of the amount that is taken, of three orders."""

    kinds: ClassVar[tuple[str, ...]] = ("payment.amount_mismatch", "missing.reconciliation")
    also: ClassVar[tuple[str, ...]] = ("behaviour", "process")
    needs: ClassVar[frozenset[str]] = frozenset({"order.created", "order.paid"})
    shows_within_days: ClassVar[float] = 8.0
    sizes: ClassVar[Mapping[Difficulty, float]] = {"easy": 0.5, "medium": 0.9, "hard": 0.98}

    def inject(self, stage: Stage) -> Label | None:
        """Take less of some orders."""
        history, shows, lost_minor = stage.history, [], 0
        orders = [
            order for order in history.untouched(stage.begins_ms, stage.ends_ms) if history.stage(order, "order.paid")
        ]
        for order in stage.some(orders, _ORDERS):
            paid = history.stage(order, "order.paid")
            assert paid is not None
            for payment in paid["payments"]:
                before = minor_of(payment["amount"])
                payment["amount"] = money(round(before * self.sizes[stage.difficulty]))
                lost_minor += before - minor_of(payment["amount"])
            history.touch(order)
            shows.append((time_of(paid), order))
        return self.label("overall/all", shows, lost_minor) if shows else None
