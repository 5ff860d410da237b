"""No order comes for hours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from stream.evaluation.fault import Fault, Stage
from stream.evaluation.faults._lost import lose
from stream.simulator.difficulty import Difficulty
from stream.simulator.label import Label


class TotalGap(Fault):
    """Sizes are hours without an order."""

    kinds: ClassVar[tuple[str, ...]] = ("volume.zero", "volume.drop", "missing.orders")
    also: ClassVar[tuple[str, ...]] = ("behaviour", "volume", "system", "missing")
    moves_volume: ClassVar[bool] = True
    sizes: ClassVar[Mapping[Difficulty, float]] = {"easy": 24, "medium": 12, "hard": 8}

    def inject(self, stage: Stage) -> Label | None:
        """Lose all orders of some hours."""
        begins_ms, ends_ms = stage.placed(self.sizes[stage.difficulty])
        lost_minor = lose(stage, begins_ms, ends_ms, remaining=0.0)
        return None if lost_minor is None else self.window("overall/all", begins_ms, ends_ms, lost_minor)
