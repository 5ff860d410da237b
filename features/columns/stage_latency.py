"""How long a stage took against what is usual on its route."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated, ClassVar, Final

import numpy as np
from annotated_types import Gt
from pydantic.dataclasses import dataclass

from features.batch import I64, PLACES, Batch, Column, Level
from features.event import APPROVED, DELIVERED, PAID, SHIPPED
from features.feature import STRICT, Feature
from features.robust_level import RobustLevel
from features.route import Routes
from features.state import Stateful

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
    spaces: ClassVar[tuple[str, ...]] = ("route", "stage", "method", *PLACES)

    floor: Annotated[float, Gt(0)] = 0.1

    def __post_init__(self) -> None:
        """Start with no route."""
        self._levels = RobustLevel(levels=2, floor=self.floor, typical=0.5)

    def transform(self, batch: Batch) -> Column:
        """Deviation of each event that ends a stage; NaN for the others."""
        at = (~np.isnan(batch.life.latency_seconds)).nonzero()[0]
        method = np.zeros(len(batch), np.int64)
        if len(batch.payments.at):  # looked up even where none ends a stage: where a batch is cut is not to matter
            method[batch.payments.at] = batch.key(self._spaces["method"]).rows + 1
        if not len(at):
            return Column.silent(len(batch))
        batch.routes = self._routes(batch, at, method[at])
        seconds = np.maximum(batch.life.latency_seconds[at], 0.0) + 1.0
        levels = [batch.key(self._spaces["route"]), batch.key(self._spaces["stage"])]
        return self._levels.follow_logs(levels, seconds).spread(at, len(batch))

    def _parts(self) -> dict[str, Stateful]:
        return {"levels": self._levels}

    def _routes(self, batch: Batch, at: I64, method: I64) -> Routes:
        stage, place = batch.kind[at], batch.life.place[at].astype(np.int64)
        answers = self._bits("channel", place[:, _CHANNEL])
        answers = np.where(stage == PAID, self._bits("method", method), answers)
        answers = np.where(stage == DELIVERED, self._bits("carrier", place[:, _CARRIER]), answers)
        region = np.where(stage == DELIVERED, place[:, _REGION], 0)
        return Routes.of(at, stage.astype(np.int64), answers, self._bits("region", region), self._namer(batch, at))

    def _bits(self, kind: str, row: I64) -> I64:
        """Bits of the keys whose rows, plus one, are given; 0 for none."""
        return np.where(row > 0, self._spaces[kind].bits(np.maximum(row - 1, 0)), 0)

    def _namer(self, batch: Batch, at: I64) -> Callable[[int], tuple[str, ...]]:
        def words(i: int) -> tuple[str, ...]:
            event = int(at[i])
            stage, place = int(batch.kind[event]), batch.life.place[event]
            if stage == PAID:
                paid = (batch.payments.at == event).nonzero()[0]
                return _WORD[stage], batch.payments.method[int(paid[-1])] if len(paid) else ""
            if stage == DELIVERED:
                return _WORD[stage], self._word("carrier", place[_CARRIER]), self._word("region", place[_REGION])
            return _WORD[stage], self._word("channel", place[_CHANNEL])

        return words

    def _word(self, kind: str, row: int) -> str:
        return self._spaces[kind].names[int(row) - 1] if row else ""
