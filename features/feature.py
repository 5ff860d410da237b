"""What a feature is: one file, one class, one column an expert of orders would ask for."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar, Final

from pydantic import ConfigDict

from features.state import State, Stateful, gathered, restore

if TYPE_CHECKING:
    from features.batch import Batch, Column, Level
    from features.keys import Keys


STRICT: Final = ConfigDict(extra="forbid")
"""How a part's parameters are checked: an unknown one is refused."""


class Feature(ABC):
    """A column computed from a batch and from what came before it.

    A feature reads its state as it was *before* each event, then learns that event, in the order of the log.
    So `transform(a + b)` equals `transform(a)` then `transform(b)` bit for bit: where the stream is cut must
    not show. It never looks at a clock or at the outside world, and never holds more keys than `Keys` allow.
    """

    level: ClassVar[Level]
    unit: ClassVar[str]
    spaces: ClassVar[tuple[str, ...]] = ()
    """The key spaces it reads, by kind."""
    reads: ClassVar[tuple[str, ...]] = ()
    """Features that it is made from; they are computed before it."""

    def bind(self, spaces: dict[str, Keys]) -> None:
        """Receive the key spaces of the partition, once, before the first batch."""
        self._spaces = {kind: spaces[kind] for kind in self.spaces}

    @abstractmethod
    def transform(self, batch: Batch) -> Column:
        """One value a row of `level`; NaN where there is nothing to say yet."""

    def _parts(self) -> dict[str, Stateful]:
        """The parts that remember; a feature that looks at each event alone has none."""
        return {}

    def get_state(self) -> State:
        """What it has learned."""
        return gathered({name: part.get_state() for name, part in self._parts().items()})

    def set_state(self, state: State) -> None:
        """Go on from `get_state` of the same feature with the same parameters."""
        restore(self._parts(), state)
