"""How many of the route's own latest orders took a stage at least as long."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

import numpy as np
from annotated_types import Gt
from pydantic.dataclasses import dataclass

from features.batch import Batch, Column, Level
from features.columns._one_array import OneArray
from features.feature import STRICT
from features.keys import grown
from features.recent_tail import BINS, follow

_SHARE: Final = 0.98


@dataclass(config=STRICT)
class RouteTail(OneArray):
    """Share of the route's latest orders whose stage took at least as long as this one's: 0.01 is one in a hundred.

    Quantiles of each route as `stage_latency` composes it, of any shape; that feature says how far out a time is
    where none was ever as long. The range is in seconds, and holds 98 of 100.

    Parameters
    ----------
    ready
        Orders of a route before anything is said.
    remember
        Orders of a route after which the older ones count half.
    """

    level: ClassVar[Level] = "event"
    unit: ClassVar[str] = "share"
    spaces: ClassVar[tuple[str, ...]] = ("route",)
    reads: ClassVar[tuple[str, ...]] = ("stage_latency",)

    ready: Annotated[float, Gt(0)] = 50.0
    remember: Annotated[float, Gt(0)] = 2_000.0

    def __post_init__(self) -> None:
        """Start with no route."""
        self._state = np.zeros((16, BINS))

    def transform(self, batch: Batch) -> Column:
        """The share at each event that ends a stage; NaN for the others, and while the route is new."""
        at = (~np.isnan(batch.life.latency_seconds)).nonzero()[0]
        if not len(at):
            return Column.silent(len(batch))
        route = batch.key(self._spaces["route"])
        self._state = grown(self._state, route.size)
        seconds = batch.life.latency_seconds[at]
        found = follow(route.rows, route.fresh, seconds, self.ready, self.remember, _SHARE, self._state)
        return Column(*found).spread(at, len(batch))
