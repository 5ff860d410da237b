"""Most orders of a day are lost on their way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from stream.evaluation.fault import Fault, Stage
from stream.evaluation.faults._lost import lose
from stream.simulator.difficulty import Difficulty
from stream.simulator.label import Label

_HOURS = 24.0


class Drop(Fault):
    """Sizes are the share of a day's orders that still arrives."""

    kinds: ClassVar[tuple[str, ...]] = ("volume.drop", "volume.zero", "missing.orders")
    also: ClassVar[tuple[str, ...]] = ("behaviour", "volume", "system", "missing")
    moves_volume: ClassVar[bool] = True
    sizes: ClassVar[Mapping[Difficulty, float]] = {"easy": 0.1, "medium": 0.25, "hard": 0.4}

    def inject(self, stage: Stage) -> Label | None:
        """Lose most orders of a day."""
        begins_ms, ends_ms = stage.placed(_HOURS)
        lost_minor = lose(stage, begins_ms, ends_ms, remaining=self.sizes[stage.difficulty])
        return None if lost_minor is None else self.window("overall/all", begins_ms, ends_ms, lost_minor)
