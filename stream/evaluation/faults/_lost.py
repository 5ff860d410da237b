"""Orders that are placed and never told."""

from __future__ import annotations

from typing import Final

from stream.evaluation.fault import Stage
from stream.evaluation.history import minor_of

LEAST: Final = 10
"""Of fewer orders lost nobody could tell: that is no fault yet."""


def lose(stage: Stage, begins_ms: int, ends_ms: int, remaining: float) -> int | None:
    """Lose all but a share of the orders of a stretch of time; returns what they were worth, None if too few."""
    history = stage.history
    orders = [order for order in history.untouched(begins_ms, ends_ms) if stage.rng.random() >= remaining]
    if len(orders) < LEAST:
        return None
    worth = sum(minor_of(history.created(order)["total_price"]) for order in orders)
    for order in orders:
        history.lose(order)
    return worth
