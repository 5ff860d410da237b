"""Whether prices that are off are all off by the same factor: then it is another price list, not so many typos."""

from __future__ import annotations

import math
from dataclasses import dataclass as plain
from typing import Annotated, ClassVar, Final

import numba
import numpy as np
from annotated_types import Ge, Gt, Lt
from pydantic.dataclasses import dataclass

from features.batch import F64, I64, Batch, Column, Flag, Level
from features.columns._one_array import OneArray
from features.feature import STRICT
from features.keys import grown

_VOTES, _RATIO, _PRODUCT, _KNOWN = range(4)
_HALVES: Final = 2.0


@plain(slots=True, kw_only=True)
class PriceLists(Column):
    """Agreement by line, and whether the line's price is that of a list which is known by now."""

    explained: Flag


@numba.njit(cache=True)
def _follow(
    channel: I64, fresh: Flag, product: I64, price: I64, deviation: F64, low: F64, high: F64,
    min_spreads: float, min_log_ratio: float, tolerance: float, enough: float, min_share: float, state: F64,
) -> tuple[F64, Flag]:  # fmt: skip
    """Let every price that is off vote for its factor (Boyer and Moore's majority vote), once a product in a row.

    A price that is as usual takes `min_share` of a vote away.
    """
    votes, explained = np.zeros(len(channel)), np.zeros(len(channel), np.bool_)
    for i in range(len(channel)):
        own = state[channel[i]]
        if fresh[i]:
            own[:] = 0.0
        if math.isnan(deviation[i]) or price[i] <= 0:
            continue
        is_off = abs(deviation[i]) >= min_spreads
        ratio = math.log(price[i]) - math.log(low[i] * high[i]) / _HALVES if is_off else 0.0
        if abs(ratio) < min_log_ratio:
            own[_VOTES] = max(0.0, own[_VOTES] - min_share)
            continue
        if own[_VOTES] > 0.0 and abs(ratio - own[_RATIO]) <= tolerance:
            explained[i] = own[_KNOWN] > 0.0
            if own[_PRODUCT] != product[i]:
                own[_VOTES] = min(own[_VOTES] + 1.0, 4.0 * enough)
                own[_RATIO] += (ratio - own[_RATIO]) / own[_VOTES]
            votes[i] = own[_VOTES]
        elif own[_VOTES] > 1.0:
            own[_VOTES] -= 1.0
            continue
        else:
            own[_VOTES], own[_RATIO], own[_KNOWN] = 1.0, ratio, 0.0
        own[_PRODUCT] = product[i]
        if own[_VOTES] >= enough:
            own[_KNOWN] = 1.0
    return votes, explained


@dataclass(config=STRICT)
class PriceList(OneArray):
    r"""Products of a channel in whose prices the same factor showed, net of those that had another one.

    A line is off if `price_deviation` says so by `min_spreads` and by `min_ratio`; its factor is price / usual price.
    Where the factors of `enough` different products agree within `tolerance`, a second price list is in the stream
    (members' prices, another currency, a percentage taken off twice) and lines at its factor are explained by it. Each
    usual price takes `min_share` off the count: typos and offers that lie far apart never add up to a list, and a list
    that is no longer used is forgotten.
    The range is the usual one, in minor units.
    Source: Boyer and Moore, MJRTY, a fast majority vote algorithm (1991).

    Parameters
    ----------
    min_spreads
        Deviation, in spreads, from which a price is off.
    min_ratio
        Factor from which a price is off: what is moved by less is a day's offer.
    tolerance
        How far factors may lie apart, as a logarithm: 0.25 is 28 %.
    enough
        Products that must agree.
    min_share
        Share of a channel's lines, below which a factor is no list.
    """

    level: ClassVar[Level] = "line"
    unit: ClassVar[str] = "products"
    spaces: ClassVar[tuple[str, ...]] = ("channel", "product")
    reads: ClassVar[tuple[str, ...]] = ("price_deviation",)

    min_spreads: Annotated[float, Gt(0)] = 4.0
    min_ratio: Annotated[float, Gt(1)] = 1.5
    tolerance: Annotated[float, Gt(0)] = 0.25
    enough: Annotated[int, Ge(2)] = 5
    min_share: Annotated[float, Ge(0), Lt(1)] = 0.05

    def __post_init__(self) -> None:
        """Start with no channel."""
        self._state = np.zeros((16, 4))

    def transform(self, batch: Batch) -> Column:
        """Agreement that each line's price finds; 0 where the price is not off."""
        usual, lines = batch.columns["price_deviation"], batch.lines
        channel = batch.key(self._spaces["channel"])
        keyed = channel.of_lines(lines.order)
        self._state = grown(self._state, channel.size)
        product = batch.key(self._spaces["product"]).rows
        votes, explained = _follow(
            keyed.rows, keyed.fresh, product, lines.price_minor, usual.values, usual.low, usual.high,
            self.min_spreads, math.log(self.min_ratio), self.tolerance, float(self.enough),
            self.min_share, self._state,
        )  # fmt: skip
        return PriceLists(values=votes, low=usual.low, high=usual.high, explained=explained)
