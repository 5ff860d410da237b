"""What is left of each sku by its last report and the sales since, where the partitions meet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numba
import numpy as np

from features.batch import I64, Flag
from features.keys import Keys, grown
from features.state import State, gathered, part_of, room
from features.text import Text
from models.open_panes import Counted
from models.verdict import Signal, Verdict
from models.verdict_across import verdict_across
from models.volume_series import SURGE
from models.volumes.stock_against_sales import SEPARATOR, StockAgainstSales
from models.warm_up import WarmUp

_MOST_FINDINGS: Final = 1 << 32
_SEPARATOR: Final = ord(SEPARATOR)
LEVEL, SOLD, IS_KNOWN, TOLD_MS = range(4)


@numba.njit(cache=True)
def _follow(
    rows: I64, fresh: Flag, panes: I64, sold: I64, is_report: Flag, level: I64, time_ms: I64, tolerance: int, state: I64
) -> I64:
    """Enter sales and reports, pane by pane, sales first; returns (entry, sold, level) where too much is sold."""
    found, n_found = np.empty((len(rows), 3), np.int64), 0
    for i in range(len(rows)):
        one = state[rows[i]]
        if fresh[i]:
            one[:] = 0
        if not is_report[i]:
            one[SOLD] += sold[i]
        elif time_ms[i] >= one[TOLD_MS]:
            is_still_out = one[IS_KNOWN] == 1 and one[LEVEL] <= 0 and level[i] == 0
            if not is_still_out:
                one[SOLD] = 0
            one[LEVEL], one[IS_KNOWN], one[TOLD_MS] = level[i], 1, time_ms[i]
        is_last = i + 1 == len(rows) or rows[i + 1] != rows[i] or panes[i + 1] != panes[i]
        if is_last and one[IS_KNOWN] == 1 and one[SOLD] > max(one[LEVEL], 0) + tolerance:
            found[n_found, 0], found[n_found, 1], found[n_found, 2] = i, one[SOLD], max(one[LEVEL], 0)
            n_found += 1
    return found[:n_found]


@dataclass(slots=True)
class _Entries:
    """Sales and reports as columns: by pane, then sku; sales before reports, reports by time."""

    sku: Text
    panes: I64
    sold: I64
    is_report: Flag
    time_ms: I64
    level: I64

    @classmethod
    def of(cls, counted: Counted) -> _Entries:
        """Read what was counted."""
        keys = counted.keys
        is_report = keys.data[keys.start + keys.length - 1] == _SEPARATOR
        sales, reports = (~is_report).nonzero()[0], is_report.nonzero()[0]
        told = [keys[row].split(SEPARATOR) for row in reports.tolist()]
        sku = Text.join([keys.take(sales), Text.of([parts[0] for parts in told])])
        rows = np.concatenate([sales, reports])
        time_ms, level = np.zeros((2, len(rows)), np.int64)
        time_ms[len(sales) :] = [int(parts[1]) for parts in told]
        level[len(sales) :] = [int(parts[2]) for parts in told]
        panes, is_report = counted.panes[rows], is_report[rows]
        order = np.lexsort((level, time_ms, is_report, sku.hash, panes))
        sold = counted.counts[rows]
        return cls(sku.take(order), panes[order], sold[order], is_report[order], time_ms[order], level[order])


class StockLedger:
    """Counts like a volume series, and finds what is sold without stock.

    Parameters
    ----------
    rank
        Its place among the series: what closes at the same time is told in that order.
    name, weight
        The part's name, and how much its word counts.
    series
        What is entered.
    max_skus
        Live skus; the least recently seen is forgotten first.
    """

    def __init__(self, rank: int, name: str, weight: float, series: StockAgainstSales, max_skus: int) -> None:
        """Start with no sku known."""
        self.series = series
        self._rank, self._name, self._weight = rank, name, weight
        self._keys = Keys("sku", max_skus)
        self._state = np.zeros((1024, 4), np.int64)

    def close(self, upto: int, counted: Counted, pane_ms: int, lateness_ms: int) -> list[Verdict]:  # noqa: ARG002  # as series do
        """Verdicts on the panes up to and with `upto`."""
        return self._enter(counted, pane_ms, lateness_ms) if len(counted) else []

    @property
    def warm_up(self) -> WarmUp:
        """Nothing is to be learned first."""
        return WarmUp(0, 0, "hours")

    def get_state(self) -> State:
        """Levels and sales by sku."""
        return gathered({"keys": self._keys.get_state(), "own": {"skus": self._state}})

    def set_state(self, state: State) -> None:
        """Go on from these levels."""
        self._keys.set_state(part_of(state, "keys"))
        self._state = room(state["own/skus"], 1)

    def _enter(self, counted: Counted, pane_ms: int, lateness_ms: int) -> list[Verdict]:
        moves = _Entries.of(counted)
        rows, fresh = self._keys.rows(moves.sku)
        self._state = grown(self._state, self._keys.size)
        found = _follow(
            rows, fresh, moves.panes, moves.sold, moves.is_report, moves.level, moves.time_ms,
            self.series.tolerance_pieces, self._state,
        )  # fmt: skip
        return [
            self._verdict(i, moves.sku[at], (int(moves.panes[at]) + 1) * pane_ms, sold, level, pane_ms, lateness_ms)
            for i, (at, sold, level) in enumerate(found.tolist())
        ]

    def _verdict(self, i: int, sku: str, end_ms: int, sold: int, level: int, pane_ms: int, lateness_ms: int) -> Verdict:
        kind = self.series.kinds[SURGE]
        signal = Signal(self._name, kind, 1.0, self._weight, sold, np.nan, level, is_rule=True, contribution=1.0)
        place, window_ms = self._rank * _MOST_FINDINGS + i, (end_ms - pane_ms, end_ms)
        return verdict_across(signal, self.series.entity_type, sku, end_ms, lateness_ms, place, window_ms)
