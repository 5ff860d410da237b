"""A detector at work on one partition: its scores made comparable, and the rows worth a verdict."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Final

import numpy as np

from features.batch import F64, I64, Batch, Flag, nan
from features.order_rows import order_rows
from features.state import State, Stateful, gathered, restore
from models.warm_up import WarmUp

if TYPE_CHECKING:
    from models.calibration import Calibration
    from models.detector import Detector
    from models.outlier import Outlier


_NO_ROWS: Final = np.zeros(0, np.int64)


class Watch(ABC):
    """Scores every row of a batch, learns it, and tells which rows are abnormal.

    Parameters
    ----------
    name, weight
        The part's name, and how much its word counts.
    alert_score
        Calibrated score from which a row is abnormal.
    calibration
        Raw score -> share of normal rows that score lower.
    """

    kind: str
    entity_type: str
    in_minor_units = False
    version = ""
    """`name@version` of the model that scores, where it is one from the registry."""
    raw: F64 | None = None
    """Scores of the last batch on the detector's own scale; None where that is a feature's deviation and no more."""

    def __init__(self, name: str, weight: float, alert_score: float, calibration: Calibration) -> None:
        """Start with an empty reference."""
        self.name = name
        self.weight = weight
        self.scores: F64 = np.zeros(0)
        self._alert_score = alert_score
        self._calibration = calibration

    def look(self, batch: Batch) -> I64:
        """Score the batch and learn it; returns the rows that are abnormal, in order.

        Only scores from `alert_score` on are worked out; the others are NaN.
        """
        if self._is_silent(batch):
            self.scores = nan(len(batch))
            return _NO_ROWS
        raw, large = self._raw(batch)
        self.scores = self._calibration.score_learn(raw, self._alert_score)
        if not np.count_nonzero(large):
            return _NO_ROWS
        return (large & (self.scores >= self._alert_score)).nonzero()[0]

    @property
    def warm_up(self) -> WarmUp:
        """Scores learned, of those that it takes to have an opinion."""
        return self._calibration.warm_up

    def get_state(self) -> State:
        """The reference of the calibration, and what the detector has learned."""
        return gathered({name: part.get_state() for name, part in self._parts().items()})

    def set_state(self, state: State) -> None:
        """Go on from a state of the same detector with the same parameters."""
        restore(self._parts(), state)

    def _parts(self) -> dict[str, Stateful]:
        return {"calibration": self._calibration}

    def _is_silent(self, batch: Batch) -> bool:  # noqa: ARG002  # most watches always have something to score
        """Whether the batch holds nothing to be scored or learned."""
        return False

    @abstractmethod
    def _raw(self, batch: Batch) -> tuple[F64, Flag]:
        """Raw scores of the batch's rows, and which of them are large enough to matter."""

    @abstractmethod
    def event(self, batch: Batch, rows: I64) -> I64:
        """Positions of the events that rows belong to."""

    @abstractmethod
    def entity(self, batch: Batch, row: int) -> str:
        """Key of what the row's alert is grouped by."""

    @abstractmethod
    def seen(self, batch: Batch, row: int) -> tuple[float, float, float, int]:
        """Observed value, expected low and high, and money lost, of a row."""


class OutlierWatch(Watch):
    """Watches one feature's deviation."""

    def __init__(
        self, name: str, weight: float, alert_score: float, calibration: Calibration, outlier: Outlier
    ) -> None:
        """Watch what `outlier` takes seriously."""
        super().__init__(name, weight, alert_score, calibration)
        self._outlier = outlier
        self.kind, self.entity_type = outlier.kind, outlier.entity_type
        self.in_minor_units = outlier.in_minor_units

    def _is_silent(self, batch: Batch) -> bool:
        return batch.columns[self._outlier.feature].is_silent

    def _raw(self, batch: Batch) -> tuple[F64, Flag]:
        column = batch.columns[self._outlier.feature]
        raw = self._outlier.raw(batch, column)
        return raw, self._outlier.is_large(raw, batch, column)

    def event(self, batch: Batch, rows: I64) -> I64:
        """Positions of the events that the outlier's rows belong to."""
        return self._outlier.event(batch, rows)

    def entity(self, batch: Batch, row: int) -> str:
        """What the outlier groups by."""
        return self._outlier.entity(batch, row)

    def seen(self, batch: Batch, row: int) -> tuple[float, float, float, int]:
        """The value in the feature's unit, against the range its level expected."""
        column = batch.columns[self._outlier.feature]
        low, high = self._outlier.expected(column, row)
        observed = float(self._outlier.observed(batch)[row])
        return observed, low, high, self._outlier.loss_minor(batch, row, low, high)


class OrderWatch(Watch):
    """Watches orders as rows of several features at once."""

    kind = "behaviour.odd_order"
    entity_type = "channel"

    def __init__(
        self,
        name: str,
        weight: float,
        alert_score: float,
        calibration: Calibration,
        detector: Detector,
        features: tuple[str, ...],
    ) -> None:
        """Watch the rows that `features` make of each order placed."""
        super().__init__(name, weight, alert_score, calibration)
        self._detector = detector
        self._features = features
        self.raw: F64 = np.zeros(0)

    def serve(self, version: str, features: tuple[str, ...], detector: Detector, calibration: Calibration) -> None:
        """Score by another model from the next batch on; what was learned so far is left behind with the old one."""
        self.__init__(self.name, self.weight, self._alert_score, calibration, detector, features)  # type: ignore[misc]  # under its old name and place it is a new watch
        self.version = version

    def score(self, batch: Batch) -> F64:
        """Raw scores of the batch's orders on what is known now. Changes nothing."""
        return self._detector.score(order_rows(batch, self._features))

    def _parts(self) -> dict[str, Stateful]:
        return super()._parts() | {"detector": self._detector}

    def _raw(self, batch: Batch) -> tuple[F64, Flag]:
        raw = self.raw = self._detector.score_learn(order_rows(batch, self._features))
        return raw, ~np.isnan(raw)

    def event(self, batch: Batch, rows: I64) -> I64:
        """The orders themselves."""
        return batch.created.at[rows]

    def entity(self, batch: Batch, row: int) -> str:
        """The channel."""
        return batch.created.channel[row]

    def seen(self, batch: Batch, row: int) -> tuple[float, float, float, int]:  # noqa: ARG002  # a raw score has no batch
        """The detector's raw score; it has no expected range in any unit."""
        return float(self.raw[row]), np.nan, np.nan, 0
