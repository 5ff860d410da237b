"""Orders are submitted twice within seconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from stream.evaluation.fault import Fault, Stage
from stream.evaluation.history import copied, minor_of, moved, time_of
from stream.simulator.difficulty import Difficulty
from stream.simulator.label import Label


class DuplicateOrder(Fault):
    """So many orders come again: the same customer, the same basket, another order number."""

    kinds: ClassVar[tuple[str, ...]] = ("duplicate.order",)
    also: ClassVar[tuple[str, ...]] = ("behaviour", "volume")
    sizes: ClassVar[Mapping[Difficulty, float]] = {"easy": 6, "medium": 3, "hard": 1}

    def inject(self, stage: Stage) -> Label | None:
        """Submit some orders again."""
        history, shows, lost_minor = stage.history, [], 0
        orders = history.untouched(stage.begins_ms, stage.ends_ms)
        for order in stage.some(orders, int(self.sizes[stage.difficulty])):
            life = copied(history.life(order), f"{order}-again")
            moved(life, 1_000 * int(stage.rng.integers(1, 10)))
            history.touch(order)
            history.add(f"{order}-again", life)
            shows.append((time_of(life[0]), f"{order}-again"))
            lost_minor += minor_of(life[0]["total_price"])
        return self.label("overall/all", shows, lost_minor) if shows else None
