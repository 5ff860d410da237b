"""Orders come several times as fast for some hours."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from stream.evaluation.fault import Fault, Stage
from stream.evaluation.history import copied, moved, time_of
from stream.simulator.difficulty import Difficulty
from stream.simulator.label import Label

_HOURS = 6.0
_LEAST = 10


class Surge(Fault):
    """Sizes are how many times the usual comes. What comes on top is a copy of earlier orders, by new customers."""

    kinds: ClassVar[tuple[str, ...]] = ("volume.surge",)
    also: ClassVar[tuple[str, ...]] = ("behaviour", "volume", "promotion")
    moves_volume: ClassVar[bool] = True
    sizes: ClassVar[Mapping[Difficulty, float]] = {"easy": 6.0, "medium": 4.0, "hard": 2.5}

    def inject(self, stage: Stage) -> Label | None:
        """Add orders to some hours."""
        history, (begins_ms, ends_ms) = stage.history, stage.placed(_HOURS)
        usual = len(history.untouched(begins_ms, ends_ms))
        earlier = history.untouched(history.begin(), begins_ms)
        count = round(usual * (self.sizes[stage.difficulty] - 1.0))
        if count < _LEAST:
            return None
        shows = []
        for number, time_ms in enumerate(sorted(stage.rng.integers(begins_ms, ends_ms, count).tolist())):
            source = earlier[int(stage.rng.integers(len(earlier)))]
            order = f"{source}-surge-{begins_ms // 1_000}-{number}"
            life = copied(history.life(source), order)
            moved(life, time_ms - time_of(life[0]))
            life[0]["customer_id"] = f"{order}-customer"
            life[0].pop("promised_at", None)
            history.add(order, life)
            shows.append((time_of(life[0]), order))
        return self.label("overall/all", shows)
