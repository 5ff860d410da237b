"""A volume series at work: its open panes, its baseline, and the verdicts on windows that close."""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np

from config.promotions import PromotionRegister
from features.keys import Keys
from features.state import State, gathered, part_of
from models.counted import Counted
from models.verdict import Signal, Verdict
from models.volume_findings import Findings, Tally
from models.volume_series import NO_KEY, VolumeSeries

ACROSS: Final = -1
"""The partition of a verdict that no single partition gave."""

_MOST_FINDINGS: Final = 1 << 32
_NO_PANE: Final = 1 << 62


class Baseline(Protocol):
    """What is usual, pane by pane."""

    def close_tally(self, upto: int, tally: Tally) -> Findings:
        """Judge and learn the panes up to and with `upto`."""

    def get_state(self) -> State:
        """Everything learned."""

    def set_state(self, state: State) -> None:
        """Go on from `get_state`."""


class VolumeCount:
    """One series: keys in, verdicts out.

    Parameters
    ----------
    rank
        Its place among the series: what closes at the same time is told in that order, the whole before parts.
    name, weight
        The part's name, and how much its word counts.
    series
        What is counted.
    baseline
        What is usual.
    keys
        The series' own key space.
    promotions
        Plans that a surge may follow.
    """

    def __init__(
        self,
        rank: int,
        name: str,
        weight: float,
        series: VolumeSeries,
        baseline: Baseline,
        keys: Keys,
        promotions: PromotionRegister,
    ) -> None:
        """Start with no pane open."""
        self.series = series
        self._rank = rank
        self._name, self._weight = name, weight
        self._baseline, self._keys, self._promotions = baseline, keys, promotions
        self._open: list[Counted] = []
        self._closed = -1
        self._first_pane = _NO_PANE

    def add(self, counted: Counted) -> None:
        """Take in occurrences; a source that had been silent may come too late for its pane."""
        timely = np.flatnonzero(counted.panes > self._closed)
        if len(timely) < len(counted):
            counted = counted.take(timely)
        if len(counted):
            self._open.append(counted)
            if self._closed < 0:
                self._first_pane = min(self._first_pane, int(counted.panes.min()))

    def close(self, upto_ms: int, pane_ms: int, lateness_ms: int) -> list[Verdict]:
        """Verdicts on the windows that the merged log, having reached `upto_ms`, completes."""
        upto = (upto_ms - lateness_ms) // pane_ms - 1
        if upto <= self._closed or upto < self._first_pane:
            return []
        self._closed = upto
        found = self._baseline.close_tally(upto, self._due(upto))
        verdicts = (self._verdict(found, i, pane_ms, lateness_ms) for i in range(len(found)))
        return [verdict for verdict in verdicts if verdict is not None]

    def get_state(self) -> State:
        """Keys, what is usual of them, and the panes that are still open."""
        opened = Counted.sum(self._open).get_state() if self._open else {}
        own = {"panes": np.array([self._closed, self._first_pane])}
        parts = {"keys": self._keys.get_state(), "baseline": self._baseline.get_state(), "own": own}
        return gathered(parts | {"open": opened})

    def set_state(self, state: State) -> None:
        """Go on from these counts."""
        self._keys.set_state(part_of(state, "keys"))
        self._baseline.set_state(part_of(state, "baseline"))
        opened = part_of(state, "open")
        self._open = [Counted.from_state(opened)] if opened else []
        self._closed, self._first_pane = state["own/panes"].tolist()

    def _due(self, upto: int) -> Tally:
        """Counts by row and pane, up to a pane.

        Keys get their rows as panes close, in the order of their bits, so that no row depends on who was read
        first.
        """
        due, rest = [], []
        for piece in self._open:
            is_due = piece.panes <= upto
            if is_due.all():
                due.append(piece)
            elif is_due.any():
                due.append(piece.take(np.flatnonzero(is_due)))
                rest.append(piece.take(np.flatnonzero(~is_due)))
            else:
                rest.append(piece)
        self._open = rest
        if not due:
            return _NOTHING
        counted = Counted.sum(due)
        rows, fresh = self._keys.rows(counted.keys)
        return Tally(rows, counted.panes, counted.counts, fresh)

    def _verdict(self, found: Findings, i: int, pane_ms: int, lateness_ms: int) -> Verdict | None:
        kind = self.series.kinds.get(int(found.direction[i]))
        key, observed = self._keys.names[int(found.row[i])], int(found.observed[i])
        end_ms = (int(found.pane[i]) + 1) * pane_ms
        window_ms = (end_ms - int(found.window_panes[i]) * pane_ms, end_ms)
        if kind is None or key == NO_KEY or self.series.is_expected(key, observed, window_ms, self._promotions):
            return None
        score = 1.0 - float(found.p_value[i])
        low, high = float(found.low[i]), float(found.high[i])
        signal = Signal(self._name, kind, score, self._weight, observed, low, high, is_rule=False, contribution=score)
        return Verdict(
            kind=kind,
            score=score,
            entity_type=self.series.entity_type,
            entity=key,
            time_ms=end_ms,
            clock_ms=end_ms + lateness_ms,
            partition=ACROSS,
            offset=self._rank * _MOST_FINDINGS + i,
            signals=(signal,),
            window_ms=window_ms,
        )


_NOTHING: Final = Tally(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.bool_))
