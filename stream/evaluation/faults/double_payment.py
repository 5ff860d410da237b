"""Payments are reported, and taken, twice."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import ClassVar

from stream.evaluation.fault import Fault, Stage
from stream.evaluation.history import minor_of, text_of, time_of
from stream.simulator.difficulty import Difficulty
from stream.simulator.label import Label


class DoublePayment(Fault):
    """So many orders are paid again within minutes, under other payment numbers."""

    kinds: ClassVar[tuple[str, ...]] = ("payment.double", "duplicate.payment")
    also: ClassVar[tuple[str, ...]] = ("behaviour", "payment", "missing")
    needs: ClassVar[frozenset[str]] = frozenset({"order.created", "order.paid"})
    shows_within_days: ClassVar[float] = 8.0
    sizes: ClassVar[Mapping[Difficulty, float]] = {"easy": 6, "medium": 3, "hard": 1}

    def inject(self, stage: Stage) -> Label | None:
        """Pay some orders again."""
        orders = [
            order
            for order in stage.history.untouched(stage.begins_ms, stage.ends_ms)
            if stage.history.stage(order, "order.paid")
        ]
        chosen = stage.some(orders, int(self.sizes[stage.difficulty]))
        paid = [self._pay_again(order, stage) for order in chosen]
        if not paid:
            return None
        return self.label("overall/all", [(at_ms, order) for at_ms, order, _ in paid], sum(one[2] for one in paid))

    def _pay_again(self, order: str, stage: Stage) -> tuple[int, str, int]:
        life = stage.history.life(order)
        first = stage.history.stage(order, "order.paid")
        assert first is not None
        again = deepcopy(first)
        at_ms = time_of(first) + 1_000 * int(stage.rng.integers(20, 600))
        again |= {"event_id": f"{first['event_id']}-again", "occurred_at": text_of(at_ms)}
        for payment in again["payments"]:
            payment["payment_id"] += "-again"
        life.insert(life.index(first) + 1, again)
        stage.history.touch(order)
        return at_ms, order, sum(minor_of(payment["amount"]) for payment in again["payments"])
