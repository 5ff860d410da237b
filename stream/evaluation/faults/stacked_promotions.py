"""Two promotions that exclude each other are taken on the same orders."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from stream.evaluation.fault import Fault, Stage
from stream.evaluation.history import time_of
from stream.evaluation.promotions import PAIR, take_off
from stream.simulator.difficulty import Difficulty
from stream.simulator.label import Label


class StackedPromotions(Fault):
    """So many orders get both."""

    kinds: ClassVar[tuple[str, ...]] = ("promotion.exclusive_pair", "promotion.pair_surge")
    also: ClassVar[tuple[str, ...]] = ("behaviour", "price")
    sizes: ClassVar[Mapping[Difficulty, float]] = {"easy": 20, "medium": 8, "hard": 1}

    def inject(self, stage: Stage) -> Label | None:
        """Take both off some orders."""
        history, shows, lost_minor = stage.history, [], 0
        orders = [
            order
            for order in history.untouched(stage.begins_ms, stage.ends_ms)
            if not history.created(order).get("discounts")
        ]
        for order in stage.some(orders, int(self.sizes[stage.difficulty])):
            lost_minor += min(take_off(history.life(order), promotion) for promotion in PAIR)
            history.touch(order)
            shows.append((time_of(history.created(order)), order))
        return self.label(f"promotion_pair/{'+'.join(PAIR)}", shows, lost_minor) if shows else None
