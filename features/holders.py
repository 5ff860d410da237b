"""How many different holders a thing has had: a tracking number its orders, a code its customers."""

from __future__ import annotations

from typing import Final

import numba
import numpy as np

from features.batch import I64, Flag
from features.keys import Keys, grown
from features.state import State, gathered, part_of, room
from features.text import Composed

REMEMBERED: Final = 8
"""Holders that each thing is known by, the latest ones: more than so many in turn are counted again."""


@numba.njit(cache=True)
def _follow(rows: I64, fresh: Flag, holder: I64, known: I64, count: I64) -> tuple[I64, Flag]:
    """Holders of each thing with this one, and whether it is a new one."""
    holders, new = np.empty(len(rows), np.int64), np.zeros(len(rows), np.bool_)
    for i in range(len(rows)):
        row = rows[i]
        if fresh[i]:
            count[row] = 0
        new[i] = True
        for k in range(min(count[row], REMEMBERED)):
            if known[row, k] == holder[i]:
                new[i] = False
        if new[i]:
            known[row, count[row] % REMEMBERED] = holder[i]
            count[row] += 1
        holders[i] = count[row]
    return holders, new


class Holders:
    """The holders of the things seen last; about 100 bytes each.

    Parameters
    ----------
    sort
        What they are.
    most
        Things remembered; the least recently used is forgotten first.

    >>> holders = Holders("code", 10)
    >>> holders.follow(np.array([5, 5, 5]), np.array([1, 2, 1]))[1].tolist()
    [1, 2, 2]
    """

    def __init__(self, sort: str, most: int) -> None:
        """Start with none."""
        self._keys = Keys(sort, most, named=False)
        self._known, self._count = np.zeros((64, REMEMBERED), np.int64), np.zeros(64, np.int64)

    def follow(self, thing: I64, holder: I64) -> tuple[I64, I64, Flag, Flag]:
        """Rows of the things, holders of each with this one, and whether the holder and the thing are new."""
        rows, fresh = self._keys.rows(Composed(thing))
        self._known, self._count = grown(self._known, self._keys.size), grown(self._count, self._keys.size)
        return rows, *_follow(rows, fresh, holder, self._known, self._count), fresh

    @property
    def size(self) -> int:
        """Rows that there are."""
        return self._keys.size

    def get_state(self) -> State:
        """Who held what."""
        return gathered({"keys": self._keys.get_state(), "own": {"known": self._known, "count": self._count}})

    def set_state(self, state: State) -> None:
        """Go on from there."""
        self._keys.set_state(part_of(state, "keys"))
        self._known, self._count = room(state["own/known"], 1), room(state["own/count"], 1)
