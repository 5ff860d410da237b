"""How many pieces of an order were handed over so far, and whether they are those that were ordered."""

from __future__ import annotations

from dataclasses import dataclass as plain
from typing import ClassVar, Final

import numba
import numpy as np
from pydantic.dataclasses import dataclass

from features.batch import F64, I8, I32, I64, REFUNDED_SO_FAR, Batch, Column, Flag, Level
from features.event import CREATED, DELIVERED, SHIPPED
from features.feature import STRICT, Feature
from features.keys import grown
from features.state import State, room
from features.wire.digest import MODULUS

_ORDERED, _HANDED_OVER, _LEFT = range(3)
_UNKNOWN: Final = -1  # of what is left: a parcel came that did not say what it holds
_MOST: Final = 2**31 - 1


@plain(slots=True, kw_only=True)
class Pieces(Column):
    """Pieces by event; `other` is 1 where as many pieces as ordered were handed over, but not those."""

    other: F64


@numba.njit(cache=True)
def _follow(
    kind: I8, rows: I64, fresh: Flag, ordered: I64, digest: I64, held: I64, held_digest: I64, state: I32, found: I64
) -> int:
    """Lead each order through what was ordered and handed over; how many events have a row of `found`.

    A row of it: the event, pieces handed over so far, pieces ordered, whether they are other ones.
    """
    n, placed, parcels = 0, 0, 0
    for i in range(len(kind)):
        one = state[rows[i]]
        if fresh[i]:
            one[:] = 0
        if kind[i] == CREATED:
            if one[_ORDERED] == 0 or one[_HANDED_OVER] == 0:  # told again: what was told last counts, while it can
                before = 0 if one[_ORDERED] else one[_LEFT]
                one[_LEFT] = (before + digest[placed]) % MODULUS if one[_LEFT] != _UNKNOWN else _UNKNOWN
                one[_ORDERED] = ordered[placed]
            placed += 1
            continue
        if kind[i] == SHIPPED:
            pieces, parcels = held[parcels], parcels + 1
            if pieces == 0:
                one[_LEFT] = _UNKNOWN
                continue
            if one[_LEFT] != _UNKNOWN:
                one[_LEFT] = (one[_LEFT] - held_digest[parcels - 1]) % MODULUS
            one[_HANDED_OVER] = min(one[_HANDED_OVER] + pieces, _MOST)
        elif kind[i] != DELIVERED or one[_LEFT] == _UNKNOWN or one[_HANDED_OVER] == 0:
            continue
        if one[_ORDERED] > 0:
            found[0, n], found[1, n], found[2, n] = i, one[_HANDED_OVER], one[_ORDERED]
            found[3, n] = one[_HANDED_OVER] == one[_ORDERED] and one[_LEFT] > 0
            n += 1
    return n


@dataclass(config=STRICT)
class PiecesShipped(Feature):
    """Pieces of the order handed over so far, at hand-overs that say what the parcel holds, and at the delivery.

    At most the pieces ordered are expected, and at the delivery no less, unless money was returned before. Parcels may
    each hold a part. A parcel that does not say what it holds (`line_items`) leaves nothing to be said but that too
    many were handed over. Which ones is compared by a digest (`features.wire.digest`); 12 bytes an order.
    """

    level: ClassVar[Level] = "event"
    unit: ClassVar[str] = "pieces"
    spaces: ClassVar[tuple[str, ...]] = ("order",)

    def __post_init__(self) -> None:
        """Start with no order."""
        self._state = np.zeros((1024, 3), np.int32)
        self._found = np.zeros((4, 1), np.int64)  # scratch

    def get_state(self) -> State:
        """What was ordered and handed over of each order."""
        return {"state": self._state}

    def set_state(self, state: State) -> None:
        """Go on from these orders."""
        self._state = room(state["state"], 1)

    def transform(self, batch: Batch) -> Column:
        """Pieces so far, where an event says something of them."""
        orders, n = batch.key(self._spaces["order"]), len(batch)
        self._state = grown(self._state, orders.size)
        if self._found.shape[1] < n:
            self._found = np.zeros((4, n), np.int64)
        created, parcels = batch.created, batch.shipments
        count = _follow(
            batch.kind, orders.rows, orders.fresh, created.quantity, created.digest, parcels.pieces, parcels.digest,
            self._state, self._found,
        )  # fmt: skip
        return _column(batch, self._found[:, :count]) if count else Column.silent(n)


def _column(batch: Batch, found: I64) -> Pieces:
    at, handed_over, ordered, other = found
    values, low, high, others = np.full((4, len(batch)), np.nan)
    values[at], high[at], others[at] = handed_over, ordered, other
    others[at[batch.kind[at] == DELIVERED]] = 0.0  # said at the hand-over
    is_last = (batch.kind[at] == DELIVERED) & (batch.life.at_ms[at, DELIVERED] == 0)
    is_last &= batch.life.money_e4[at, REFUNDED_SO_FAR] == 0
    low[at[is_last]] = ordered[is_last]
    high[at[batch.kind[at] == DELIVERED]] = np.nan  # too many were told of at the hand-over
    return Pieces(values=values, low=low, high=high, other=others)
