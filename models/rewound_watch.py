"""A watch over orders that can go back to the moment before an order, and say what would have made it ordinary.

A detector has moved on by the time its word becomes an alert. So the state of now and then is kept, and the rows
since: what was known just before any order of the last batch is had by learning those rows again. That costs
nothing until somebody asks, but a copy of the state every 512 rows; a detector that is slow to copy has no say.
"""

from __future__ import annotations

from copy import deepcopy
from typing import TYPE_CHECKING, Final

import numpy as np

from features.order_rows import order_rows
from features.state import State, gathered, part_of
from models.detector import StateNotPortable
from models.watch import OrderWatch

if TYPE_CHECKING:
    from features.batch import F64, Batch, Flag
    from models.calibration import Calibration
    from models.detector import Detector

_ROWS_KEPT: Final = 512
_SAMPLED: Final = 64
_EVERY: Final = 16  # rows of which one is sampled, so that the sample is of the last thousand
_LEAST_SAMPLE: Final = 16
_STEPS: Final = 16
_DIGITS: Final = 3


class RewoundWatch(OrderWatch):
    """Watches orders as `OrderWatch` does, and can be asked about each order of the last batch."""

    def __init__(
        self,
        name: str,
        weight: float,
        alert_score: float,
        calibration: Calibration,
        detector: Detector,
        features: tuple[str, ...],
    ) -> None:
        """Keep a twin of the parts, to go back with."""
        super().__init__(name, weight, alert_score, calibration, detector, features)
        parts = (deepcopy(calibration), deepcopy(detector)) if detector.copies_quickly else (calibration, detector)
        self._twin = OrderWatch(name, weight, alert_score, *parts, features)
        self._sample, self._seen = np.full((_SAMPLED, len(features)), np.nan), 0
        self._kept: State | None = None
        self._rows: list[F64] = []
        self._n_rows = 0
        self._goes_back = detector.copies_quickly

    def normal_if(self, row: int) -> tuple[str, ...]:
        """The smallest change of one feature that makes an order of the last batch ordinary, scored before it is said.

        Smallest by the feature's own spread among the latest orders; on the way to their median. Nothing where no
        single feature suffices, or the detector cannot go back.
        """
        if self._kept is None or not self._rows:
            return ()
        self._go_back(row)
        x, sample = self._rows[-1][row], self._twin_sample
        if len(sample) < _LEAST_SAMPLE:
            return ()
        columns = [column[np.isfinite(column)] for column in sample.T]
        usual = [np.median(column) if len(column) else np.nan for column in columns]
        spread = [np.std(column) if len(column) else np.nan for column in columns]
        changes = [
            (abs(value - x[j]) / (spread[j] + 1e-9), j, value)
            for j in range(len(x))
            for value in (self._least_change(x, j, float(usual[j])),)
            if value is not None
        ]
        if not changes:
            return ()
        _, j, value = min(changes)
        return (f"normal with {self._features[j]} {value:g} instead of {x[j]:.3g}",)

    def get_state(self) -> State:
        """The detector's and the calibration's, and the sample of rows."""
        sample = {"rows": self._sample.copy(), "seen": np.array([self._seen])}
        return super().get_state() | gathered({"sample": sample})

    def set_state(self, state: State) -> None:
        """Go on from there; what was before that cannot be gone back to."""
        super().set_state(state)
        sample = part_of(state, "sample")
        self._sample, self._seen = sample["rows"].copy(), int(sample["seen"][0])
        self._kept, self._rows, self._n_rows = None, [], 0

    def _raw(self, batch: Batch) -> tuple[F64, Flag]:
        rows = order_rows(batch, self._features)
        self._remember(rows)
        raw = self.raw = self._detector.score_learn(rows)
        return raw, ~np.isnan(raw)

    def _remember(self, rows: F64) -> None:
        """Keep the rows, and the state as it was before the first of them."""
        if not len(rows) or not self._goes_back:
            return
        if self._kept is None or self._n_rows >= _ROWS_KEPT:
            try:
                self._kept, self._rows, self._n_rows = self.get_state(), [], 0
            except StateNotPortable:
                self._goes_back = False
                return
        self._rows.append(rows)
        self._n_rows += len(rows)
        _sample_rows(self._sample, self._seen, rows)
        self._seen += len(rows)

    def _go_back(self, row: int) -> None:
        """Bring the twin to the state before a row of the last batch."""
        assert self._kept is not None, "asked for by who has checked"
        twin, kept = self._twin, self._kept
        twin.set_state({name: array for name, array in kept.items() if not name.startswith("sample/")})
        sample, seen = kept["sample/rows"].copy(), int(kept["sample/seen"][0])
        for rows in (*self._rows[:-1], self._rows[-1][:row]):
            if len(rows):
                twin._calibration.score_learn(twin._detector.score_learn(rows), self._alert_score)  # noqa: SLF001  # its own twin
                _sample_rows(sample, seen, rows)
                seen += len(rows)
        self._twin_sample = sample[: (seen + _EVERY - 1) // _EVERY]

    def _least_change(self, x: F64, j: int, usual: float) -> float | None:
        """The value of feature j nearest to its own that makes the row ordinary, in so many steps to the usual one."""
        if not (np.isfinite(x[j]) and np.isfinite(usual)):
            return None
        values = np.array([_rounded(value) for value in np.linspace(x[j], usual, _STEPS + 1)[1:].tolist()])
        rows = np.tile(x, (_STEPS, 1))
        rows[:, j] = values
        raw = self._twin._detector.score(rows)  # noqa: SLF001  # its own twin
        scores = self._twin._calibration.score(raw)  # noqa: SLF001  # its own twin
        ordinary = (scores < self._alert_score).nonzero()[0]
        return float(values[ordinary[0]]) if len(ordinary) else None


def _sample_rows(sample: F64, seen: int, rows: F64) -> None:
    """Keep every sixteenth row of the stream, the last sixty-four of them."""
    if -seen % _EVERY >= len(rows):
        return
    at = np.arange(-seen % _EVERY, len(rows), _EVERY)[-_SAMPLED:]
    sample[(seen + at) // _EVERY % _SAMPLED] = rows[at]


def _rounded(value: float) -> float:
    """As it is shown.

    >>> _rounded(17.3456), _rounded(-0.00123456)
    (17.3, -0.00123)
    """
    return float(f"{value:.{_DIGITS}g}")
