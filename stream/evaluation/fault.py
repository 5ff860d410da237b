"""The form of a fault: something that goes wrong in orders that really were placed, with the label that says what."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np

from stream.evaluation.history import History, time_of
from stream.simulator.difficulty import Difficulty
from stream.simulator.label import Label

HOUR_MS: Final = 3_600_000


@dataclass(frozen=True, slots=True)
class Stage:
    """Where and how one fault plays: the log, the time that is its own, its random numbers, how hard it is to see."""

    history: History
    begins_ms: int
    ends_ms: int
    rng: np.random.Generator
    difficulty: Difficulty

    def some(self, orders: Sequence[str], count: int) -> list[str]:
        """At most `count` of these, at random, in their order."""
        chosen = self.rng.permutation(len(orders))[:count]
        return [orders[i] for i in sorted(chosen.tolist())]

    def placed(self, hours: float) -> tuple[int, int]:
        """A stretch of so many hours that begins right after some order of this time, the busier the likelier."""
        orders = self.history.untouched(self.begins_ms, max(self.begins_ms + 1, self.ends_ms - round(hours * HOUR_MS)))
        if not orders:
            return self.begins_ms, self.begins_ms
        begins_ms = time_of(self.history.created(orders[int(self.rng.integers(len(orders)))])) + 1_000
        return begins_ms, begins_ms + round(hours * HOUR_MS)


class Fault(ABC):
    """Goes wrong in real orders.

    `kinds` are the alerts that catch it, families of `also` its honest consequences. `needs` are event types that a
    log must have for it. `shows_within_days` is how long after it begins it may take to show: it begins no later than
    that before the log's end. One that `moves_volume` plays first: no order may be kept from it because something else
    befell that order. A class stands in a file of its own in `faults/`, named after it.
    """

    kinds: ClassVar[tuple[str, ...]]
    also: ClassVar[tuple[str, ...]] = ("behaviour",)
    needs: ClassVar[frozenset[str]] = frozenset({"order.created"})
    shows_within_days: ClassVar[float] = 1.0
    moves_volume: ClassVar[bool] = False
    sizes: ClassVar[Mapping[Difficulty, float]]

    @classmethod
    def name(cls) -> str:
        """Stem of the file it stands in."""
        return cls.__module__.rpartition(".")[2]

    @abstractmethod
    def inject(self, stage: Stage) -> Label | None:
        """Change the log; None where its time has no orders that it could befall."""

    def label(self, entity: str, shows: Sequence[tuple[int, str]], loss_minor: int = 0) -> Label:
        """Label over orders and when it showed in them; in order of that."""
        shows = sorted(shows)
        return Label(
            incident=self.name(),
            kinds=self.kinds,
            also=self.also,
            entity=entity,
            starts_at_ms=shows[0][0],
            ends_at_ms=shows[-1][0],
            order_ids=tuple(order for _, order in shows),
            shows_ms=tuple(time for time, _ in shows),
            loss_minor=loss_minor,
        )

    def window(self, entity: str, begins_ms: int, ends_ms: int, loss_minor: int = 0) -> Label:
        """Label over a stretch of time, where the absence of orders is the sign."""
        return Label(self.name(), self.kinds, self.also, entity, begins_ms, ends_ms, loss_minor=loss_minor)
