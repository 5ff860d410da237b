"""A drift part at work: sums by pane that commute, their means, and the verdicts on those that moved.

Sums are of whole millionths: so the order in which partitions are read changes no bit of them.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

import numba
import numpy as np

from features.batch import F64, I64, Batch
from features.state import State, gathered, part_of, read_back, written
from models.drift import Change, Drift
from models.drift_series import DriftSeries
from models.verdict import Signal, Verdict
from models.verdict_across import verdict_across

_MILLIONTHS: Final = 1e6
_LARGEST: Final = 1e6  # farther out is not told apart: a mean is of the usual, and sums stay within 64 bits
_FIRST_PLACE: Final = 1 << 52  # behind the verdicts of every volume series


class DriftCount:
    """The series of one drift part.

    Parameters
    ----------
    name, weight
        The part's name, and how much its word counts.
    series
        What is measured.
    features
        The names that it is asked to measure.
    """

    def __init__(self, name: str, weight: float, series: DriftSeries, features: Sequence[str]) -> None:
        """Start with no value."""
        self._name, self._weight, self._series, self._features = name, weight, series, features
        self._drift = Drift(delta=series.delta)
        self._open: defaultdict[int, defaultdict[str, list[int]]] = defaultdict(_nothing)
        self._gathered: defaultdict[str, list[int]] = _nothing()
        self._closed = -1

    def sums(self, batch: Batch, panes: I64) -> dict[str, I64]:
        """Reduce a batch to (pane, sum in millionths, rows) by series; `panes` is the pane of each event."""
        if not len(batch.created):
            return {}
        reduced = {}
        for name, values, at in self._series.measure(batch, self._features):
            out = np.empty((len(values), 3), np.int64)
            reduced[name] = out[: _summed(values, panes[at], out)]
        return reduced

    def add(self, sums: dict[str, I64]) -> None:
        """Take in sums; what comes after its pane was closed is left out."""
        for name, runs in sums.items():
            for pane, millionths, rows in runs.tolist():
                if pane > self._closed:
                    total = self._open[pane][name]
                    total[0] += millionths
                    total[1] += rows

    def close(self, upto: int, pane_ms: int, lateness_ms: int) -> list[Verdict]:
        """Verdicts on the series that the panes up to and with `upto` show at a new level."""
        self._closed = max(self._closed, upto)
        return [
            self._verdict(change, (pane + 1) * pane_ms, lateness_ms, place)
            for pane in sorted(pane for pane in self._open if pane <= upto)
            for place, change in enumerate(self._changes(self._open.pop(pane)))
        ]

    def get_state(self) -> State:
        """Open sums, and the series so far."""
        own = {"open": written(self._open), "gathered": written(self._gathered), "closed": np.array([self._closed])}
        return gathered({"own": own, "drift": self._drift.get_state()})

    def set_state(self, state: State) -> None:
        """Go on from these sums."""
        self._open.clear()
        for pane, sums in read_back(state["own/open"], dict[int, dict[str, list[int]]]).items():
            self._open[pane].update(sums)
        self._gathered.clear()
        self._gathered.update(read_back(state["own/gathered"], dict[str, list[int]]))
        self._closed = int(state["own/closed"][0])
        self._drift.set_state(part_of(state, "drift"))

    def _changes(self, sums: dict[str, list[int]]) -> list[Change]:
        """Lead a pane's sums on into the series."""
        changes = []
        for name in sorted(sums):
            total = self._gathered[name]
            total[0], total[1] = total[0] + sums[name][0], total[1] + sums[name][1]
            if total[1] >= self._series.min_rows:
                del self._gathered[name]
                change = self._drift.update(name, total[0] / total[1] / _MILLIONTHS)
                if change is not None:
                    changes.append(change)
        return changes

    def _verdict(self, change: Change, end_ms: int, lateness_ms: int, place: int) -> Verdict:
        score, kind = 1.0 - self._series.delta, self._series.kind
        before = change.mean_before
        signal = Signal(
            self._name, kind, score, self._weight, change.mean_after, before, before, is_rule=False, contribution=score
        )
        return verdict_across(
            signal, self._series.entity_type, change.series, end_ms, lateness_ms, _FIRST_PLACE + place
        )


def _nothing() -> defaultdict[str, list[int]]:
    return defaultdict(lambda: [0, 0])


@numba.njit(cache=True)
def _summed(values: F64, panes: I64, out: I64) -> int:
    """Pane, sum in millionths, and rows, of each run of values in one pane; returns how many runs."""
    runs = 0
    for i in range(len(values)):
        if math.isnan(values[i]):
            continue
        if runs == 0 or out[runs - 1, 0] != panes[i]:
            out[runs, 0], out[runs, 1], out[runs, 2] = panes[i], 0, 0
            runs += 1
        out[runs - 1, 1] += np.int64(np.rint(min(max(values[i], -_LARGEST), _LARGEST) * _MILLIONTHS))
        out[runs - 1, 2] += 1
    return runs
