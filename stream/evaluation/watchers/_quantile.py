"""What a watcher shares that takes an order for odd where its score lies beyond a quantile of others'."""

from __future__ import annotations

from typing import ClassVar, Self

from stream.evaluation.watcher import Watcher


class QuantileWatcher(Watcher):
    """Its threshold is the quantile; which scores it is of, each watcher says."""

    thresholds: ClassVar[tuple[float, ...]] = (0.99, 0.999, 0.9999)

    def __init__(self, quantile: float) -> None:
        """Learn nothing yet."""
        self._quantile = quantile

    @classmethod
    def at(cls, threshold: float | None) -> Self:
        """Make one that flags what is beyond this quantile."""
        return cls(cls.thresholds[1] if threshold is None else threshold)
