"""A channel whose orders come late: its queue is stuck, its connection breaks, its clock is slow."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Final

import numpy as np
from annotated_types import Ge, Gt
from pydantic.dataclasses import dataclass

from features.batch import I64
from features.feature import STRICT
from features.keys import Keys, grown
from features.merged_log import Part
from features.order_slice import MergedOrders, OrderSlice
from features.rate_shift import FIELDS, follow
from features.state import State, gathered, part_of, room
from features.text import Composed, Text
from models.crossing import Crossing
from models.crossings._verdict import origin_of, verdict_on
from models.verdict import Signal, Verdict

_MOST_CHANNELS: Final = 1_000


@dataclass(config=STRICT)
class LateOrders(Crossing):
    """Channel of whose orders more come late than used to.

    Late is more than `late_seconds` behind what the order's partition had reached: the lag of ingestion, in event time.
    Its share of each channel's orders is followed over all partitions (`features.rate_shift`), since a quiet channel
    has few orders in any one of them. An order that is in time speaks for nothing. Observed is the lag in seconds.

    Parameters
    ----------
    late_seconds
        Lag from which an order is late.
    min_evidence
        Log likelihood ratio from which it counts: 15 is reached by chance about once in e^15 orders.
    """

    kind: ClassVar[str] = "system.late_events"
    entity_type: ClassVar[str] = "channel"

    late_seconds: Annotated[float, Ge(0)] = 60.0
    min_evidence: Annotated[float, Gt(0)] = 15.0

    def __post_init__(self) -> None:
        """Start with no channel."""
        self._keys = Keys("late_channel", _MOST_CHANNELS, named=False)
        self._state = np.zeros((16, 1, FIELDS))

    def check(self, orders: MergedOrders) -> list[Verdict]:
        """The late orders after which the evidence is enough."""
        lag_ms = orders.merged([_clock_ms(part) - _time_ms(part) for part in orders.parts])
        rows, fresh = self._keys.rows(Composed(orders.merged([_channel(part) for part in orders.parts])))
        self._state = grown(self._state, self._keys.size)
        late = lag_ms > self.late_seconds * 1_000
        evidence, _, _, _ = follow(rows, fresh, late[:, np.newaxis], self._state)
        told = (late & (evidence >= self.min_evidence)).nonzero()[0].tolist()
        return [self._verdict(orders, at, float(lag_ms[at]) / 1_000, float(evidence[at])) for at in told]

    def get_state(self) -> State:
        """The channels, and how often their orders are late."""
        return gathered({"keys": self._keys.get_state(), "own": {"state": self._state}})

    def set_state(self, state: State) -> None:
        """Go on from there."""
        self._keys.set_state(part_of(state, "keys"))
        self._state = room(state["own/state"], 1)

    def _verdict(self, merged: MergedOrders, at: int, lag_seconds: float, evidence: float) -> Verdict:
        score = 1.0 - math.exp(-evidence)
        signal = Signal(
            "late_orders", self.kind, score, 1.0, lag_seconds, math.nan, self.late_seconds,
            is_rule=False, contribution=score,
        )  # fmt: skip
        return verdict_on(self, merged, at, origin_of(merged, at, "channel"), signal)


def _clock_ms(part: Part[OrderSlice]) -> I64:
    return part.whole.clock_ms[part.start : part.end]


def _time_ms(part: Part[OrderSlice]) -> I64:
    return part.whole.time_ms[part.start : part.end]


def _channel(part: Part[OrderSlice]) -> I64:
    channel = part.whole.origin["channel"]
    return Text.of(channel.names).hash[channel.codes[part.start : part.end]]
