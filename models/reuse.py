"""What a reuse is: a rule on things that should have one holder, whichever partitions its uses lie in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from features.merged_log import Part, split
from features.state import State, gathered, part_of, restore
from features.uses import MergedUses, Uses
from models.verdict_on_row import verdict_on_row

if TYPE_CHECKING:
    from features.order_slice import OrderSlice
    from models.verdict import Signal, Verdict


class Reuse(ABC):
    """A condition over the uses of one sort of thing, in the order of the merged log, cut anywhere."""

    kind: ClassVar[str]
    entity_type: ClassVar[str]
    sort: ClassVar[str]

    @abstractmethod
    def check(self, uses: MergedUses) -> list[Verdict]:
        """Verdicts on these uses."""

    @abstractmethod
    def get_state(self) -> State:
        """What it remembers of things and their holders."""

    @abstractmethod
    def set_state(self, state: State) -> None:
        """Go on from `get_state` of the same rule."""

    def verdict(self, merged: MergedUses, at: int, entity: str, signal: Signal, loss_e4: int = 0) -> Verdict:
        """The verdict that the use at a position of the merged log is a sign of something about `entity`."""
        uses, row = merged.find(at)
        origin = {name: coded[row] for name, coded in uses.names.items()}
        return verdict_on_row(
            uses, row, self.entity_type, entity, signal, order_id=uses.order_id[row], loss_e4=loss_e4, origin=origin
        )


class Reuses:
    """The uses that wait to be merged, and the rules on them.

    Parameters
    ----------
    rules
        The rules that are on, by name.
    """

    def __init__(self, rules: Mapping[str, Reuse]) -> None:
        """Start with nothing waiting."""
        self._rules = rules
        self._waiting: dict[str, list[Part[Uses]]] = {rule.sort: [] for rule in rules.values()}

    def add(self, orders: OrderSlice) -> None:
        """Take in what a slice brought."""
        for sort, uses in orders.uses.items():
            if sort in self._waiting:
                self._waiting[sort].append(Part(uses, 0, len(uses)))

    def release(self, upto_ms: int) -> list[Verdict]:
        """Verdicts on the uses that the merged log has reached."""
        verdicts: list[Verdict] = []
        for sort, waiting in self._waiting.items():
            if waiting:
                parts, self._waiting[sort] = split(waiting, upto_ms)
                for part in self._waiting[sort]:
                    part.whole.pack()
                verdicts += self._judged(sort, parts) if parts else []
        return verdicts

    def waiting(self) -> list[tuple[int, int]]:
        """Partition and offset of the earliest use of each piece that still waits."""
        parts = (part for waiting in self._waiting.values() for part in waiting)
        return [(part.whole.partition, int(part.whole.offset[part.start])) for part in parts]

    def get_state(self) -> State:
        """What waits, and what the rules remember."""
        waiting = {
            f"{sort}.{i:06}": part.whole.get_state() | {"start": np.array([part.start])}
            for sort, parts in self._waiting.items()
            for i, part in enumerate(parts)
        }
        rules = {name: rule.get_state() for name, rule in self._rules.items()}
        return gathered({"waiting": gathered(waiting), "rule": gathered(rules)})

    def set_state(self, state: State) -> None:
        """Go on from there."""
        restore(self._rules, part_of(state, "rule"))
        waiting = part_of(state, "waiting")
        names = sorted({name.partition("/")[0] for name in waiting})
        for sort in self._waiting:
            own = [part_of(waiting, name) for name in names if name.startswith(f"{sort}.")]
            self._waiting[sort] = [_part(state) for state in own]

    def _judged(self, sort: str, parts: list[Part[Uses]]) -> list[Verdict]:
        merged = MergedUses.of(parts)
        return [verdict for rule in self._rules.values() if rule.sort == sort for verdict in rule.check(merged)]


def _part(state: State) -> Part[Uses]:
    uses = Uses.from_state(state)
    return Part(uses, int(state["start"][0]), len(uses))
