r"""Reservoir series: one measured series - a volume, a latency - against its own past, by shape rather than by count.

Every value x becomes four features, from which the time of day is taken as far as it has been seen:

    r = x - usual(half hour of the day)       r - r'       mean of the last n x       mean of the last n r

(x itself minus its level on the first day; r' is the residual before.) Three `models.detectors.reservoir_ensemble`
of different seeds score the row on all rows before it; their mean s is the score. An alert is raised when

    s >= bar,       bar = alert_score + raise_score * sum over past alerts of 2^(-age / bar_half_life_rows)

and `refractory_rows` have passed since the last one: who raises alerts often must have better reasons. So noisy series
earn few alerts, and quiet ones are heard at once; one set of parameters serves all.

Unlike `models.volume_seasonal`, which knows that it counts orders and gives a probability, this one takes any
numbers at any even pace, with gaps or without, and says only how odd they are.

Source: Lavin and Ahmad, Evaluating Real-time Anomaly Detection Algorithms, ICMLA 2015 (the benchmark it was made on).
"""

from __future__ import annotations

from typing import Annotated, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from features.state import State, gathered, part_of, restore
from models._series_rows import SLOTS, raise_alerts, rows_of_series
from models.detector import F64Vector, same_shape
from models.detectors.reservoir_ensemble import ReservoirEnsemble

_MEMBERS: Final = 3
_SAMPLE_ROWS: Final = 64
_WARM_UP_ROWS: Final = 100


class SeriesVerdict(NamedTuple):
    """Of each value: how odd it is (NaN: no opinion), and whether that is an alert."""

    scores: F64Vector
    alerts: NDArray[np.bool_]


@dataclass(config=ConfigDict(extra="forbid"), kw_only=True)
class ReservoirSeries:
    """Scores one series value by value, each on what came before it; where it is cut into calls changes no bit.

    A value that is not finite is passed over. No opinion before 100 values. Memory: 700 kB a series.

    Parameters
    ----------
    window_rows
        Values of which the short-term means are taken.
    alert_score
        Score, in mean deviations, from which a value is an alert.
    raise_score
        What each alert adds to the bar of the next ones.
    bar_half_life_rows
        Values after which half of that is forgotten.
    refractory_rows
        Values after an alert in which there is no other.
    quiet_rows
        Values at the beginning in which there is no alert.
    seed
        Seed of the ensembles.

    >>> rng = np.random.default_rng(1)
    >>> seconds = np.arange(0, 14 * 86_400, 300)
    >>> latency = 200 + 50 * np.sin(seconds / 86_400 * 2 * np.pi) + rng.normal(0, 5, len(seconds))
    >>> latency[3000:3010] += 200
    >>> verdict = ReservoirSeries().score_learn(seconds, latency)
    >>> np.flatnonzero(verdict.alerts)
    array([3000])
    """

    window_rows: Annotated[int, Field(ge=2, le=10_000)] = 12
    alert_score: Annotated[float, Field(gt=0.0, le=100.0)] = 3.3
    raise_score: Annotated[float, Field(ge=0.0, le=100.0)] = 1.0
    bar_half_life_rows: Annotated[float, Field(gt=0.0, le=1e9)] = 2_000.0
    refractory_rows: Annotated[int, Field(ge=0, le=1_000_000)] = 100
    quiet_rows: Annotated[int, Field(ge=0, le=1_000_000)] = 250
    seed: Annotated[int, Field(ge=0, lt=2**62)] = 0

    def __post_init__(self) -> None:
        """Start with nothing seen."""
        self._members = {
            f"member{k}": ReservoirEnsemble(sample_rows=_SAMPLE_ROWS, warm_up_rows=_WARM_UP_ROWS, seed=self.seed + k)
            for k in range(_MEMBERS)
        }
        self._state = self._empty()

    def score_learn(self, seconds: NDArray[np.int64], values: F64Vector) -> SeriesVerdict:
        """Score each value on all before it, then learn it; `seconds` since 1970, in the time that people live by."""
        if len(seconds) != len(values):
            raise ValueError(f"{len(seconds)} seconds for {len(values)} values")
        state = self._state
        x, when = np.ascontiguousarray(values, np.float64), np.ascontiguousarray(seconds, np.int64)
        rows = rows_of_series(when, x, state["profile"], state["recent"], state["level"], state["seen"])
        scores = np.zeros(len(rows))
        for member in self._members.values():
            scores += member.score_learn(rows) / _MEMBERS
        keep = 0.5 ** (1.0 / self.bar_half_life_rows)
        alerts = raise_alerts(
            scores, state["bar"], state["since"], self.alert_score, self.raise_score, keep,
            self.refractory_rows, self.quiet_rows,
        )  # fmt: skip
        return SeriesVerdict(scores, alerts)

    def get_state(self) -> State:
        """All that was learned, as arrays: copies."""
        parts = {name: member.get_state() for name, member in self._members.items()}
        return {**gathered(parts), **gathered({"series": {name: a.copy() for name, a in self._state.items()}})}

    def set_state(self, state: State) -> None:
        """Go on from a state of the same parameters, as if never stopped."""
        restored = same_shape(part_of(state, "series"), self._empty(), "ReservoirSeries")
        restore(self._members, state)
        self._state = restored

    def _empty(self) -> State:
        return {
            "profile": np.zeros((2, SLOTS)),
            "recent": np.zeros((2, self.window_rows)),
            "level": np.zeros(3),
            "seen": np.zeros(1, np.int64),
            "bar": np.zeros(1),
            "since": np.array([0, self.refractory_rows], np.int64),
        }
