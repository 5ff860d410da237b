"""What the volume baselines take in and give out: tallies of orders by key and pane, and findings."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Flags = NDArray[np.bool_]
State = dict[str, NDArray[Any]]

SURGE, DROP, ZERO = 1, -1, 0
FINDING_FIELDS: Final = 9
RANGE_TAIL: Final = 0.005
"""Chance that a normal window lies above `high`, and again that it lies below `low`."""


@dataclass(frozen=True, slots=True)
class Findings:
    """Odd windows, as columns, ordered by pane and row; at most one a row and pane, the least likely.

    `row` : the key's row. `pane` : the last pane of the window. `window_panes` : its length. `observed`,
    `expected` : orders in it. `low`, `high` : the range that holds 99 % of normal windows. `p_value` : chance
    of a window at least so odd in normal traffic. `direction` : +1 surge, -1 drop, 0 no order at all.
    """

    row: I64
    pane: I64
    window_panes: I64
    observed: I64
    expected: F64
    low: I64
    high: I64
    p_value: F64
    direction: I64

    def __len__(self) -> int:
        """How many were found."""
        return len(self.row)

    @classmethod
    def of(cls, found: F64) -> Findings:
        """Columns of the kernels' table, put in order."""
        table = found[np.lexsort((found[:, 0], found[:, 1]))]
        row, pane, window, observed, low, high, direction = table[:, [0, 1, 2, 3, 5, 6, 8]].astype(np.int64).T
        return cls(row, pane, window, observed, table[:, 4], low, high, table[:, 7], direction)


def restored(own: State, given: State) -> State:
    """Copy the arrays of `given` that `own` has.

    Raises ValueError where one is missing, or of another type or shape of row.
    """
    for name, array in own.items():
        if name not in given:
            raise ValueError(f"state {name!r} is missing; there are {sorted(given)}")
        found, needed = given[name], array
        if (found.dtype, found.shape[1:]) != (needed.dtype, needed.shape[1:]):
            raise ValueError(f"state {name!r} holds rows of {found.shape[1:]}, these windows need {needed.shape[1:]}")
    return {name: given[name].copy() for name in own}


@dataclass(frozen=True, slots=True)
class Tally:
    """Orders by pane and row, each pair once, in that order."""

    rows: I64
    panes: I64
    counts: I64
    fresh: Flags

    @classmethod
    def of(cls, rows: I64, panes: I64, counts: I64, fresh: Flags | None) -> Tally:
        """Sum what comes in any order, several times a row and pane."""
        if len(rows) == 0:
            return cls(rows, panes, counts, np.zeros(0, np.bool_))
        flags: Flags = np.zeros(len(rows), np.bool_) if fresh is None else fresh
        place = (panes - panes.min()) * (int(rows.max()) + 1) + rows
        if (place[1:] <= place[:-1]).any():
            order = np.argsort(place, kind="stable")
            rows, panes, counts, place = (column[order] for column in (rows, panes, counts, place))
            flags = flags[order]
            first = np.concatenate([[True], place[1:] != place[:-1]]).nonzero()[0]
            counts = np.add.reduceat(counts, first)
            flags = np.asarray(np.logical_or.reduceat(flags, first), np.bool_)
            rows, panes = rows[first], panes[first]
        return cls(rows, panes, counts, flags)

    def between(self, first: int, last: int) -> Tally:
        """The panes from `first` to `last`."""
        cut = slice(int(np.searchsorted(self.panes, first)), int(np.searchsorted(self.panes, last, "right")))
        return Tally(self.rows[cut], self.panes[cut], self.counts[cut], self.fresh[cut])

    def by_row(self) -> Tally:
        """The same, by row and then by pane."""
        order = np.argsort(self.rows, kind="stable")
        return Tally(self.rows[order], self.panes[order], self.counts[order], self.fresh[order])

    def check(self, closed: int | None, upto: int) -> None:
        """Refuse panes that were closed before, or lie beyond those that are being closed.

        Raises ValueError naming the pane and the limit.
        """
        if len(self.panes) == 0:
            return
        if int(self.panes[-1]) > upto:
            raise ValueError(f"pane {self.panes[-1]} is after {upto}, the last one to close: keep it for a later call")
        if closed is not None and int(self.panes[0]) <= closed:
            raise ValueError(
                f"pane {self.panes[0]} was closed before, up to {closed}: raise time.allowed_lateness_seconds"
            )
