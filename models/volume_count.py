"""A volume series at work: its open panes, its baseline, and the verdicts on windows that close."""

from __future__ import annotations

from typing import Final, Protocol

import numpy as np

from config.promotions import PromotionRegister
from features.batch import I64, Flag
from features.keys import Keys
from models.merge import Placed, merge, split
from models.verdict import Signal, Verdict
from models.volume_findings import Findings
from models.volume_series import NO_KEY, VolumeSeries

ACROSS: Final = -1
"""The partition of a verdict that no single partition gave."""

_MOST_FINDINGS: Final = 1 << 32
_NO_PANE: Final = 1 << 62


class Baseline(Protocol):
    """What is usual, pane by pane."""

    def close(self, upto: int, rows: I64, panes: I64, counts: I64, fresh: Flag | None = None) -> Findings:
        """Judge and learn the panes up to and with `upto`."""


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
        self._coming: list[Placed] = []
        self._open: list[tuple[I64, I64, Flag]] = []
        self._closed = -1
        self._first_pane = _NO_PANE

    def add(self, counted: Placed) -> None:
        """Take in occurrences; they are counted when the merged log reaches them."""
        if len(counted):
            self._coming.append(counted)

    def close(self, upto_ms: int, pane_ms: int, lateness_ms: int) -> list[Verdict]:
        """Verdicts on the windows that the merged log, having reached `upto_ms`, completes."""
        self._count(upto_ms)
        upto = (upto_ms - lateness_ms) // pane_ms - 1
        if upto <= self._closed or upto < self._first_pane:
            return []
        rows, panes, fresh = (
            (np.concatenate(column) for column in zip(*self._open, strict=True)) if self._open else _NOTHING
        )
        due = panes <= upto
        self._open = [] if due.all() else [(rows[~due], panes[~due], fresh[~due])]
        self._closed = upto
        found = self._baseline.close(upto, rows[due], panes[due], np.ones(int(due.sum()), np.int64), fresh[due])
        verdicts = (self._verdict(found, i, pane_ms, lateness_ms) for i in range(len(found)))
        return [verdict for verdict in verdicts if verdict is not None]

    def _count(self, upto_ms: int) -> None:
        """Give rows to the keys that the merged log has reached, in its order, whatever order they came in."""
        due, self._coming = split(self._coming, upto_ms)
        if not due:
            return
        counted = merge(due)
        rows, fresh = self._keys.rows(counted.keys.tolist())
        timely = counted.panes > self._closed  # a source that had been silent may come too late for its pane
        if self._closed < 0 and timely.any():
            self._first_pane = min(self._first_pane, int(counted.panes.min()))
        self._open.append((rows[timely], counted.panes[timely], fresh[timely]))

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


_NOTHING = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.bool_))
