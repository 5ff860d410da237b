"""How often each key of each series came in the panes that are still open.

All series share one table, and nothing is made of a batch before it enters it: what a small batch costs is calls.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numba
import numpy as np
from numpy.typing import NDArray

from features.batch import I64
from features.state import State, room
from features.text import Bytes, Naming, Text

_BITS, _WHERE, _COUNT, _NAME = range(4)
"""A row is half a cache line: the key's bits, its series and pane, how often it came, and where its name lies."""
_ROWS, _BYTES, _UNNAMED = range(3)
_PANE_BITS: Final = 40
_LENGTH_BITS: Final = 24
_FIRST_ROWS: Final = 1024
_FIRST_BYTES: Final = 1 << 14
_PANES: Final = (1 << _PANE_BITS) - 1
_LENGTHS: Final = (1 << _LENGTH_BITS) - 1
_NO_PANE: Final = 1 << 62
TOO_LATE: Final = -1
"""The pane of an occurrence that is not to be counted."""
_ODD: Final = 0x1E3779B97F4A7C15


@dataclass(slots=True)
class Counted:
    """Of one series, `counts` occurrences of each key in each pane, every pair once; by pane, then the key's bits."""

    keys: Text
    panes: I64
    counts: I64

    def __len__(self) -> int:
        """Pairs of key and pane."""
        return len(self.panes)


_NO_TEXT: Final = Text.of([])


@numba.njit(cache=True)
def _slot(bits: int, where: int, slots: NDArray[np.int32], table: I64) -> int:
    """The slot of a key in a pane, or the empty one where it would go."""
    last = len(slots) - 1
    mixed = bits ^ (where * _ODD)
    j = (mixed ^ (mixed >> 32)) & last
    while slots[j] != 0 and (table[slots[j] - 1, _BITS] != bits or table[slots[j] - 1, _WHERE] != where):
        j = (j + 1) & last
    return j


@numba.njit(cache=True)
def _add(
    series: int, bits: I64, at: I64, panes: I64, data: Bytes, start: I64, length: I64, begin: int,
    slots: NDArray[np.int32], table: I64, names: Bytes, size: I64, closed: I64, first: I64, unnamed: I64,
) -> int:  # fmt: skip
    """Count occurrences from `begin` on; returns where it stopped: at the end, or for want of room."""
    is_named = len(start) > 0
    for i in range(begin, len(bits)):
        pane = panes[at[i]]
        if pane <= closed[series]:
            continue
        where = series << _PANE_BITS | pane
        j = _slot(bits[i], where, slots, table)
        if slots[j] == 0:
            row, end = size[_ROWS], size[_BYTES]
            if row == len(table) or (is_named and end + length[i] > len(names)):
                return i
            table[row, _BITS], table[row, _WHERE], table[row, _COUNT] = bits[i], where, 0
            if is_named:
                table[row, _NAME] = end << _LENGTH_BITS | length[i]
                for k in range(length[i]):
                    names[end + k] = data[start[i] + k]
                size[_BYTES] = end + length[i]
            else:
                unnamed[0, size[_UNNAMED]], unnamed[1, size[_UNNAMED]] = row, i
                size[_UNNAMED] += 1
            slots[j] = row + 1
            size[_ROWS] = row + 1
            if closed[series] < 0:
                first[series] = min(first[series], pane)
        table[slots[j] - 1, _COUNT] += 1
    return len(bits)


@numba.njit(cache=True)
def _fill(slots: NDArray[np.int32], table: I64, rows: int) -> None:
    for row in range(rows):
        slots[_slot(table[row, _BITS], table[row, _WHERE], slots, table)] = row + 1


def _order(bits: I64, where: I64) -> I64:
    """By series and pane, then bits: numbers below 2^15 are sorted by radix, which is what the places nearly are."""
    pane = where & _PANES
    first = pane.min(initial=_PANES)
    places = (where >> _PANE_BITS) * (pane.max(initial=first) - first + 1) + pane - first
    if places.max(initial=0) >= 1 << 15:
        return np.lexsort((bits, where))
    order = np.argsort(bits)
    return order[np.argsort(places.astype(np.int16)[order], kind="stable")]


class OpenPanes:
    """Counts by series, key and pane.

    Sums commute, so the order in which partitions are read is nothing to them. A pane that was closed takes no
    more: who comes for it is left out. Memory: 32 bytes a key and pane, 16 for its slots, and its
    name; what one busy hour took is kept for the next.

    Parameters
    ----------
    series
        How many series there are; they are told apart by their numbers.

    >>> panes = OpenPanes(1)
    >>> panes.add(0, Text.of(["a", "b", "a"]), np.array([0, 1, 2]), np.array([7, 7, 8]))
    >>> [counted.panes.tolist() for counted in panes.close(7) if counted], panes.close(8)[0].keys[0]
    ([[7, 7]], 'a')
    """

    def __init__(self, series: int) -> None:
        """Start with no pane open."""
        self._closed = np.full(series, TOO_LATE)
        self._first = np.full(series, _NO_PANE)
        self._size = np.zeros(3, np.int64)
        self._table, self._names = np.zeros((_FIRST_ROWS, 4), np.int64), np.zeros(_FIRST_BYTES, np.uint8)
        self._slots = np.zeros(4 * _FIRST_ROWS, np.int32)

    def add(self, series: int, keys: Naming, at: I64, panes: I64) -> None:
        """Count keys; `at` is the position of each one's event, and `panes` has the pane of each event."""
        n = len(at)
        if not n:
            return
        text = keys if isinstance(keys, Text) else _NO_TEXT
        unnamed, done = np.empty((2, 0 if text is keys else n), np.int64), 0
        self._size[_UNNAMED] = 0
        while True:
            done = _add(
                series, keys.hash, at, panes, text.data, text.start, text.length, done, self._slots,
                self._table, self._names, self._size, self._closed, self._first, unnamed,
            )  # fmt: skip
            if done == n:
                break
            self._make_room(int(text.length[done:].sum()))
        if self._size[_UNNAMED]:
            self._name(keys, *unnamed[:, : self._size[_UNNAMED]])

    def close(self, upto: int) -> list[Counted | None]:
        """Take out the panes up to `upto`: what each series counted, None where it has not begun."""
        table = self._table[: self._size[_ROWS]]
        is_due = (table[:, _WHERE] & _PANES) <= upto
        due, rest = table[is_due], table[~is_due]
        due = due[_order(due[:, _BITS], due[:, _WHERE])]
        texts, kept = self._texts(due), self._texts(rest).packed()
        rest[:, _NAME] = kept.start << _LENGTH_BITS | kept.length
        self._hold(rest, kept.data)
        begun = self._first <= upto
        self._closed[begun] = np.maximum(self._closed[begun], upto)
        panes, counts = due[:, _WHERE] & _PANES, due[:, _COUNT].copy()
        ends = np.searchsorted(due[:, _WHERE], np.arange(len(begun) + 1) << _PANE_BITS).tolist()
        return [
            Counted(texts.take(slice(*cut)), panes[slice(*cut)], counts[slice(*cut)]) if has_begun else None
            for has_begun, *cut in zip(begun.tolist(), ends, ends[1:], strict=False)
        ]

    def get_state(self) -> State:
        """The counts, in an order that does not depend on who came first."""
        table = self._table[: self._size[_ROWS]]
        table = table[_order(table[:, _BITS], table[:, _WHERE])]
        texts = self._texts(table).packed()
        table[:, _NAME] = texts.start << _LENGTH_BITS | texts.length
        return {"table": table, "names": texts.data, "closed": self._closed, "first": self._first}

    def set_state(self, state: State) -> None:
        """Go on from these counts."""
        self._closed, self._first = state["closed"].copy(), state["first"].copy()
        self._hold(state["table"], state["names"])

    def _texts(self, table: I64) -> Text:
        """The names of some rows, where they lie."""
        data = self._names[: self._size[_BYTES]]
        data.flags.writeable = False  # kernels are compiled for messages, which nobody writes to
        return Text(data, table[:, _NAME] >> _LENGTH_BITS, table[:, _NAME] & _LENGTHS, table[:, _BITS].copy())

    def _name(self, keys: Naming, rows: I64, at: I64) -> None:
        """Put together the names of rows that are new."""
        texts, end = keys.take(at).packed(), int(self._size[_BYTES])
        if end + len(texts.data) > len(self._names):
            self._names = room(self._names, 2 * (end + len(texts.data)))
        self._names[end : end + len(texts.data)] = texts.data
        self._table[rows, _NAME] = (texts.start + end) << _LENGTH_BITS | texts.length
        self._size[_BYTES] += len(texts.data)

    def _make_room(self, name_bytes: int) -> None:
        rows, used = self._size[:_UNNAMED].tolist()
        if rows == len(self._table):
            self._table = room(self._table, 2 * rows)
            self._slots = np.zeros(2 * len(self._slots), np.int32)
            _fill(self._slots, self._table, rows)
        if used + name_bytes > len(self._names):
            self._names = room(self._names, 2 * (used + name_bytes))

    def _hold(self, table: I64, names: Bytes) -> None:
        """Hold these rows and no other; whoever was given names keeps them, so there are new bytes for those."""
        self._size[:] = len(table), len(names), 0
        while len(self._table) < len(table):
            self._table = np.zeros((2 * len(self._table), 4), np.int64)
        self._names = room(names, len(self._names))
        self._table[: len(table)] = table
        self._slots = np.zeros(4 * len(self._table), np.int32)
        _fill(self._slots, self._table, len(table))
