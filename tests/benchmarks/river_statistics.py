"""The job as it is written with river, one order at a time: what all peers score with.

Price of each line against the product's running mean and variance, orders a minute by product, Half-Space
Trees (10 of height 8) on six figures of the order, and three fixed rules.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from river import anomaly, compose, preprocessing, stats, utils

if TYPE_CHECKING:
    from collections.abc import Callable

Z_LIMIT: Final = 6.0
TREES_LIMIT: Final = 0.985
DEPTH_LIMIT: Final = 0.6
MINUTE_LIMIT: Final = 400
CHANNEL: Final = "peer:alerts:live"
STREAM: Final = "peer:alerts"
_ROLLING_ORDERS = 100
_FADING_FACTOR = 0.02
_LEAST_SPREAD = 0.01


class Line(NamedTuple):
    """One line of an order."""

    product: str
    price: float
    quantity: int


class PriceStatistic(Protocol):
    """Deviation of a product's price from what went before, in standard deviations."""

    def score_and_learn(self, price: float) -> float:
        """Score on the state before, then learn."""


class RollingPrice:
    """Mean and variance of the last 100 prices: the textbook's choice."""

    def __init__(self) -> None:
        self._mean = utils.Rolling(stats.Mean(), window_size=_ROLLING_ORDERS)
        self._variance = utils.Rolling(stats.Var(), window_size=_ROLLING_ORDERS)

    def score_and_learn(self, price: float) -> float:
        """Score on the state before, then learn."""
        deviation = _deviation(price, self._mean.get(), self._variance.get())  # type: ignore[operator]  # handed on
        self._mean.update(price)
        self._variance.update(price)
        return deviation


class WeightedPrice:
    """Exponentially weighted mean and variance: the statistic that keeps no values, as orderwatch's."""

    def __init__(self) -> None:
        self._mean = stats.EWMean(fading_factor=_FADING_FACTOR)
        self._variance = stats.EWVar(fading_factor=_FADING_FACTOR)

    def score_and_learn(self, price: float) -> float:
        """Score on the state before, then learn."""
        deviation = _deviation(price, self._mean.get() or 0.0, self._variance.get() or 0.0)
        self._mean.update(price)
        self._variance.update(price)
        return deviation


def _deviation(price: float, mean: float, variance: float) -> float:
    # a price that never moved has no spread; a hundredth of it is the least that counts
    return (price - mean) / max(math.sqrt(variance), _LEAST_SPREAD * mean) if variance > 0.0 else 0.0


STATISTICS: Final[dict[str, type[RollingPrice | WeightedPrice]]] = {
    "rolling": RollingPrice,
    "weighted": WeightedPrice,
}


class MinuteCounts:
    """Orders in the current minute by product."""

    def __init__(self) -> None:
        self._minute = ""
        self._counts: Counter[str] = Counter()

    def add(self, product: str, minute: str) -> int:
        """Count one more; return the minute's count so far."""
        if minute != self._minute:
            self._minute = minute
            self._counts.clear()
        self._counts[product] += 1
        return self._counts[product]


class RiverScorer:
    """Scores orders one by one; `volume` counts one more order of a product and returns the count."""

    def __init__(self, price_statistic: Callable[[], PriceStatistic], volume: Callable[[str, str], int]) -> None:
        self._prices: defaultdict[str, PriceStatistic] = defaultdict(price_statistic)
        self._volume = volume
        self._trees = compose.Pipeline(
            preprocessing.MinMaxScaler(),
            anomaly.HalfSpaceTrees(n_trees=10, height=8, window_size=250, seed=42),
        )

    def reasons(
        self,
        lines: list[Line],
        discounts: list[float],
        shipping: float,
        tax: float,
        total: float,
        minute: str,
    ) -> list[str]:
        """Why the order is abnormal; empty when it is not."""
        goods = sum(line.price * line.quantity for line in lines)
        off = sum(discounts)
        depth = off / goods if goods else 0.0
        deviation = max(abs(self._prices[line.product].score_and_learn(line.price)) for line in lines)
        busiest = max(self._volume(line.product, minute) for line in lines)
        score = self._tree_score(total, depth, len(lines), sum(line.quantity for line in lines), deviation, busiest)
        checks = {
            "amount": abs(goods + shipping + tax - off - total) > 0.01,
            "total": total <= 0.0,
            "depth": depth > DEPTH_LIMIT,
            "price": deviation > Z_LIMIT,
            "volume": busiest > MINUTE_LIMIT,
            "trees": score > TREES_LIMIT,
        }
        return [name for name, wrong in checks.items() if wrong]

    def _tree_score(
        self, total: float, depth: float, lines: int, quantity: int, deviation: float, busiest: int
    ) -> float:
        figures = {
            "total": total,
            "depth": depth,
            "lines": lines,
            "quantity": quantity,
            "deviation": deviation,
            "busiest": busiest,
        }
        score: float = self._trees.score_one(figures)
        self._trees.learn_one(figures)
        return score
