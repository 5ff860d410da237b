"""How long a stage took against what is usual on its route."""

from __future__ import annotations

from typing import Annotated, ClassVar, Final

import numpy as np
from annotated_types import Gt
from pydantic.dataclasses import dataclass

from features.batch import F64, I64, PLACES, Batch, Column, Keyed, Level
from features.event import APPROVED, DELIVERED, PAID, SHIPPED
from features.feature import STRICT, Feature
from features.keys import Keys
from features.robust_level import RobustLevel

_CHANNEL, _REGION, _CARRIER = PLACES.index("channel"), PLACES.index("region"), PLACES.index("carrier")
_WORD: Final = {PAID: "paid", APPROVED: "approved", SHIPPED: "shipped", DELIVERED: "delivered"}


@dataclass(config=STRICT)
class StageLatency(Feature):
    """Time since the stage before, against the route's running level, in spreads of log seconds.

    The route of a payment is its method, of an approval and a hand-over the channel, of a delivery carrier
    and region: a parcel to a far region is not late because it takes longer than one around the corner. A
    route seen few times leans on its stage. The expected range is in seconds.

    Parameters
    ----------
    floor
        Smallest relative spread believed.
    """

    level: ClassVar[Level] = "event"
    unit: ClassVar[str] = "spreads"
    spaces: ClassVar[tuple[str, ...]] = ("route", *PLACES)

    floor: Annotated[float, Gt(0)] = 0.1

    def __post_init__(self) -> None:
        """Start with no route."""
        self._levels = RobustLevel(levels=2, floor=self.floor, typical=0.5)
        self._stages = Keys("stage", len(_WORD))

    def transform(self, batch: Batch) -> Column:
        """Deviation of each event that ends a stage; NaN for the others."""
        at = np.flatnonzero(~np.isnan(batch.life.latency_seconds))
        stages = batch.kind[at].tolist()
        batch.route = self._routes(batch, at, stages)
        batch.group = [batch.group_of(i) for i in at.tolist()]
        routes = self._spaces["route"]
        rows, fresh = routes.rows([batch.route[i] for i in at.tolist()])
        route = batch.keyed["route"] = Keyed(rows, fresh, routes.size)
        rows, fresh = self._stages.rows([_WORD[code] for code in stages])
        stage = Keyed(rows, fresh, self._stages.size)
        seconds = np.maximum(batch.life.latency_seconds[at], 0.0) + 1.0
        column = self._levels.follow([route, stage], np.log(seconds))
        return Column(
            _spread_out(column.values, at, len(batch)),
            _spread_out(np.exp(column.low), at, len(batch)),
            _spread_out(np.exp(column.high), at, len(batch)),
        )

    def _routes(self, batch: Batch, at: I64, stages: list[int]) -> dict[int, str]:
        """Position of the event -> name of its route."""
        method = dict(zip(batch.payments.at.tolist(), batch.payments.method, strict=True))
        names = {kind: self._spaces[kind].names for kind in ("channel", "region", "carrier")}
        routes = {}
        for i, stage, place in zip(at.tolist(), stages, batch.life.place[at].tolist(), strict=True):
            if stage == PAID:
                routes[i] = f"paid/{method.get(i, '')}"
            elif stage == DELIVERED:
                carrier = names["carrier"][place[_CARRIER] - 1] if place[_CARRIER] else ""
                region = names["region"][place[_REGION] - 1] if place[_REGION] else ""
                routes[i] = f"delivered/{carrier}/{region}"
            else:
                channel = names["channel"][place[_CHANNEL] - 1] if place[_CHANNEL] else ""
                routes[i] = f"{_WORD[stage]}/{channel}"
        return routes


def _spread_out(values: F64, at: I64, n: int) -> F64:
    out = np.full(n, np.nan)
    out[at] = values
    return out
