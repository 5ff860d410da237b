"""How much evidence has gathered that a payment method, channel or carrier has become slower as a whole."""

from __future__ import annotations

from typing import Annotated, ClassVar

import numba
import numpy as np
from annotated_types import Gt
from pydantic.dataclasses import dataclass

from features.batch import F64, I64, Batch, Column, Flag, Level
from features.feature import STRICT, Feature
from features.keys import grown
from features.state import State, room


@numba.njit(cache=True)
def _accumulate(rows: I64, fresh: Flag, deviation: F64, drift: float, cap: float, sums: F64) -> F64:
    out = np.full(len(rows), np.nan)
    for i in range(len(rows)):
        if fresh[i]:
            sums[rows[i]] = 0.0
        if np.isnan(deviation[i]):
            continue
        step = min(max(deviation[i], -3.0), 3.0) - drift
        sums[rows[i]] = min(max(0.0, sums[rows[i]] + step), cap)
        out[i] = sums[rows[i]]
    return out


@dataclass(config=STRICT)
class RouteSlowdown(Feature):
    r"""One-sided CUSUM of the stage latencies of a method, channel or carrier: S = max(0, S + z - drift).

    z is `stage_latency`, each parcel against its own region, clipped to 3 so that one lost parcel is not a slow
    carrier. S is read after the event, and capped so that a carrier that recovers is soon believed.
    Source: Page, Continuous inspection schemes, Biometrika 41 (1954).

    Parameters
    ----------
    drift
        Slowness tolerated for ever, in spreads: about half of the shift that should be found.
    cap
        Largest S kept.
    """

    level: ClassVar[Level] = "event"
    unit: ClassVar[str] = "spreads, summed"
    spaces: ClassVar[tuple[str, ...]] = ("group",)
    reads: ClassVar[tuple[str, ...]] = ("stage_latency",)

    drift: Annotated[float, Gt(0)] = 1.0
    cap: Annotated[float, Gt(0)] = 50.0

    def __post_init__(self) -> None:
        """Start with no route."""
        self._sums = np.zeros(1024)

    def get_state(self) -> State:
        """Evidence against each group."""
        return {"sums": self._sums}

    def set_state(self, state: State) -> None:
        """Go on from this evidence."""
        self._sums = room(state["sums"], 1)

    def transform(self, batch: Batch) -> Column:
        """Evidence after each event that ends a stage, NaN for the others."""
        at = (~np.isnan(batch.life.latency_seconds)).nonzero()[0]
        if not len(at):
            return Column.silent(len(batch))
        group = batch.key(self._spaces["group"])
        self._sums = grown(self._sums, group.size)
        deviation = batch.columns["stage_latency"].values[at]
        values = np.full(len(batch), np.nan)
        values[at] = _accumulate(group.rows, group.fresh, deviation, self.drift, self.cap, self._sums)
        return Column.of(values)
