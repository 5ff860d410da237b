"""Who had an order when a stage ended: a payment method, a channel, a carrier and the region it delivers to."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.text import Composed, mixed

I64 = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Routes:
    """Routes of the events that end a stage.

    `at` : (n,) positions of the events. `stage` : which one ended. `route` : e.g. delivered/SF/GD. `group` : who
    answers for it, its route without the region, e.g. delivered/SF. Names are made when somebody asks.
    """

    at: I64
    stage: Composed
    route: Composed
    group: Composed
    _name: Callable[[int], tuple[str, ...]]

    @classmethod
    def of(cls, at: I64, stage: I64, answers: I64, region: I64, name: Callable[[int], tuple[str, ...]]) -> Routes:
        """Compose routes of 64 bits each: the stage, who answers for it, and the region (0: it has no say).

        `name` : words of the route at a row.
        """
        group = mixed(stage, answers)
        return cls(
            at,
            Composed(stage, lambda i: name(i)[0]),
            Composed(mixed(group, region), lambda i: "/".join(name(i))),
            Composed(group, lambda i: "/".join(name(i)[:2])),
            name,
        )

    @classmethod
    def none(cls) -> Routes:
        """No event ends a stage."""
        return _NONE

    def route_of(self, event: int) -> str:
        """The route's name, of the event at a position of its batch."""
        return "/".join(self._words(event))

    def group_of(self, event: int) -> str:
        """Who answers for the stage that an event ended."""
        return "/".join(self._words(event)[:2])

    def _words(self, event: int) -> tuple[str, ...]:
        return self._name(int(np.searchsorted(self.at, event)))


_EMPTY = np.zeros(0, np.int64)
_NONE = Routes.of(_EMPTY, _EMPTY, _EMPTY, _EMPTY, lambda _: ())
