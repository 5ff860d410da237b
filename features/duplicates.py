"""Remembers events by the 64 bits of their ids, so that a repeated delivery changes nothing."""

from __future__ import annotations

from typing import Final

import numba
import numpy as np

from features.batch import I64, Flag
from features.state import State

_FIRST_ROOM: Final = 1 << 10


@numba.njit(cache=True)
def _find(bits: int, known: I64) -> int:
    """Where the id is, or would go."""
    last = len(known) - 1
    j = bits & last
    while known[j] != 0 and known[j] != bits:
        j = (j + 1) & last
    return j


@numba.njit(cache=True)
def _look(bits: I64, begin: int, young: I64, old: I64, room: int, count: I64, new: Flag) -> int:
    """Flag the ids that are new, until `room` of them are known to the younger generation."""
    for i in range(begin, len(bits)):
        if count[0] == room:
            return i
        j = _find(bits[i], young)
        if young[j] == 0 and old[_find(bits[i], old)] == 0:
            young[j], new[i] = bits[i], True
            count[0] += 1
    return len(bits)


@numba.njit(cache=True)
def _move(ids: I64, into: I64) -> None:
    for bits in ids:
        if bits != 0:
            into[_find(bits, into)] = bits


class SeenEvents:
    """The last `window` to 2 x `window` events of one partition: two generations, the older one dropped whole.

    Memory: 16 to 32 bytes an event. That an event is lost because its 64 bits are another's has a chance of
    `window` in 9 quintillion.

    >>> seen = SeenEvents(window=2)
    >>> seen.are_new(np.array([7, 7, 8, 7])).tolist()
    [True, False, True, False]
    """

    def __init__(self, window: int) -> None:
        """Remember at least the last `window` events."""
        self._window = window
        self._young, self._old = np.zeros(_FIRST_ROOM, np.int64), np.zeros(1, np.int64)
        self._count = np.zeros(1, np.int64)

    def get_state(self) -> State:
        """The ids of both generations."""
        return {"young": self._young, "old": self._old, "count": self._count}

    def set_state(self, state: State) -> None:
        """Go on from these ids."""
        self._young, self._old, self._count = (state[name].copy() for name in ("young", "old", "count"))

    def are_new(self, bits: I64) -> Flag:
        """Whether each event was not seen lately; from now on it is."""
        new, done = np.zeros(len(bits), np.bool_), 0
        while True:
            room = min(self._window, len(self._young) // 2)
            done = _look(bits, done, self._young, self._old, room, self._count, new)
            if self._count[0] == self._window:
                self._old, self._young = self._young, np.zeros(_FIRST_ROOM, np.int64)
                self._count[0] = 0
            elif self._count[0] == room:
                larger = np.zeros(2 * len(self._young), np.int64)
                _move(self._young, larger)
                self._young = larger
            if done == len(bits):
                return new
