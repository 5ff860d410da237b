"""Intervals by the block bootstrap: the days of all trials are drawn again with replacement, and sums made anew.

What happens on one day is not independent: one incident makes several alerts. So whole days are drawn, each with its
labels and its alerts. A share of which all, or nothing, was counted, or whose rows lie on fewer than `FEW` days, shows
the bootstrap hardly any variance; there Wilson's score interval is given instead (`Proportion`).

Source: Efron and Tibshirani, An Introduction to the Bootstrap (1993), chapters 8 and 13 (percentile interval).
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from stream.backtest.proportion import Proportion

CONFIDENCE: Final = 0.95
FEW: Final = 5
_DRAWS: Final = 1_000
_SEED: Final = 20_260
_TAIL: Final = (1.0 - CONFIDENCE) / 2.0

F64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure and its interval; None where there is nothing to say it of."""

    value: float | None
    low: float | None = None
    high: float | None = None


NOTHING: Final = Estimate(None)


class Bootstrap:
    """The same draws for every figure of a report.

    Parameters
    ----------
    blocks
        Names of the days.

    >>> days = Bootstrap([("seed 1", day) for day in range(8)])
    >>> days.share([("seed 1", 0), ("seed 1", 3)], [True, True])
    Estimate(value=1.0, low=0.3424, high=1.0)
    """

    def __init__(self, blocks: Sequence[Hashable]) -> None:
        """Draw the days."""
        self._place = {block: i for i, block in enumerate(blocks)}
        n = max(1, len(blocks))
        self._weights = np.random.default_rng(_SEED).multinomial(n, np.full(n, 1.0 / n), size=_DRAWS).astype(np.float64)

    def share(self, blocks: Sequence[Hashable], hits: Sequence[bool]) -> Estimate:
        """Share of rows that are hits; each row lies in a block."""
        n, k = len(hits), sum(hits)
        if not n:
            return NOTHING
        if k in {0, n} or len(set(blocks)) < FEW:
            scored = Proportion(k, n)
            return _rounded(k / n, scored.low, scored.high)
        return self.ratio(blocks, [float(hit) for hit in hits], [1.0] * n)

    def ratio(self, blocks: Sequence[Hashable], parts: Sequence[float], wholes: Sequence[float]) -> Estimate:
        """Sum of parts over sum of wholes; without an interval where too few days have any."""
        whole = sum(wholes)
        if not whole:
            return NOTHING
        if len({block for block, one in zip(blocks, wholes, strict=True) if one}) < FEW:
            return Estimate(float(f"{sum(parts) / whole:.4g}"))
        weights = self._weights_of(blocks)
        drawn_parts, drawn = weights @ np.array(parts), weights @ np.array(wholes)
        return _percentiles(sum(parts) / whole, drawn_parts[drawn > 0] / drawn[drawn > 0])

    def rate(self, blocks: Sequence[Hashable], days: float) -> Estimate:
        """Rows a day."""
        drawn = self._weights_of(blocks).sum(axis=1) if blocks else np.zeros(1)
        return _percentiles(len(blocks) / days, drawn / days)

    def median(self, blocks: Sequence[Hashable], values: Sequence[float]) -> Estimate:
        """Median of a value of the rows."""
        if not values:
            return NOTHING
        order = np.argsort(values, kind="stable")
        ordered = np.array(values, np.float64)[order]
        sums = self._weights_of(blocks)[:, order].cumsum(axis=1)
        sums = sums[sums[:, -1] > 0]
        at = (sums >= sums[:, -1:] / 2.0).argmax(axis=1)
        return _percentiles(float(np.median(ordered)), ordered[at])

    def _weights_of(self, blocks: Sequence[Hashable]) -> F64:
        """How often each row was drawn, one line a draw."""
        weights: F64 = self._weights[:, [self._place[block] for block in blocks]]
        return weights


def _percentiles(value: float, drawn: F64) -> Estimate:
    if not len(drawn):
        return _rounded(value, value, value)
    low, high = np.quantile(drawn, [_TAIL, 1.0 - _TAIL]).tolist()
    return _rounded(value, min(low, value), max(high, value))


def _rounded(value: float, low: float, high: float) -> Estimate:
    return Estimate(*(float(f"{figure:.4g}") if figure else 0.0 for figure in (value, low, high)))
