"""Key -> row of flat state, with a bound.

Features keep one array row per product, customer or order. `Keys` gives each key its row, and when all rows
are taken frees the least recently seen sixteenth. A row that changes hands is flagged `fresh` at the very
event where that happens, so that kernels start it anew there; where a batch was cut has no say in it.

A key is known by its 64 bits (`features.text`), in one table with open addressing: two of a million keys share
their bits with a chance of 3 in 100 million, and are then one key. Memory: 64 bytes a key with its name, if that
is no longer than 36 bytes, about 24 without, and what the features keep in a row.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, TypeVar, overload

import numba
import numpy as np
from numpy.typing import NDArray

from features.state import State, gathered, part_of, read_back, room, written
from features.text import Bytes, Naming, Text, spoken

I64 = NDArray[np.int64]
I32 = NDArray[np.int32]
Rows = NDArray[np.int64]
Flags = NDArray[np.bool_]

A = TypeVar("A", bound=np.generic)

_EVICTED_SHARE: Final = 16
_FIRST_ROWS: Final = 64
_LEAST_GROWTH: Final = 256
_GROWTH: Final = 4  # a row more for each 4 rows
_NAME_BYTES: Final = 36  # a UUID
_TOO_LONG: Final = _NAME_BYTES + 1
_MOST_READ: Final = 4096
_USED, _FREE, _CLOCK = range(3)
_NO_ROW: Final = np.zeros(0, np.int64)
_NO_FLAG: Final = np.zeros(0, np.bool_)


def grown(state: NDArray[A], size: int) -> NDArray[A]:
    """The same state with room for `size` rows along its first axis, and for a quarter more; new rows are zero."""
    if size <= len(state):
        return state
    room = max(size, len(state) + len(state) // _GROWTH)
    return np.concatenate([state, np.zeros((room - len(state), *state.shape[1:]), state.dtype)])


@numba.njit(cache=True)
def _place(bits: int, slots: I32, owner: I64) -> int:
    """The slot that holds the key, or the empty one where it would go."""
    last = len(slots) - 1
    j = bits & last
    while slots[j] != 0 and owner[slots[j] - 1] != bits:
        j = (j + 1) & last
    return j


@numba.njit(cache=True)
def _assign(
    keys: I64, begin: int, slots: I32, owner: I64, seen: I64, free: I64, count: I64, rows: Rows, fresh: Flags
) -> int:
    """Rows for the keys from `begin` on; returns the first key for which none is left."""
    for i in range(begin, len(keys)):
        j = _place(keys[i], slots, owner)
        row = slots[j] - 1
        if row < 0:
            if count[_FREE] > 0:
                count[_FREE] -= 1
                row = free[count[_FREE]]
            elif count[_USED] < len(owner):
                row = count[_USED]
                count[_USED] += 1
            else:
                return i
            slots[j], owner[row], fresh[i] = row + 1, keys[i], True
        rows[i] = row
        seen[row] = count[_CLOCK]
        count[_CLOCK] += 1
    return len(keys)


@numba.njit(cache=True)
def _forget(rows: Rows, slots: I32, owner: I64) -> None:
    """Take keys out of the table, closing the gaps so that every other key is still found."""
    last = len(slots) - 1
    for row in rows:
        gap = _place(owner[row], slots, owner)
        j = gap
        while True:
            j = (j + 1) & last
            if slots[j] == 0:
                break
            home = owner[slots[j] - 1] & last
            if ((j - home) & last) >= ((j - gap) & last):
                slots[gap] = slots[j]
                gap = j
        slots[gap] = 0


@numba.njit(cache=True)
def _fill(slots: I32, owner: I64, rows: Rows) -> None:
    for row in rows:
        slots[_place(owner[row], slots, owner)] = row + 1


@numba.njit(cache=True)
def _copy_names(rows: Rows, data: Bytes, start: I64, length: I64, names: Bytes, lengths: Bytes) -> None:
    for i in range(len(rows)):
        lengths[rows[i]] = min(length[i], _TOO_LONG)
        for k in range(min(length[i], names.shape[1])):
            names[rows[i], k] = data[start[i] + k]


class Names(Sequence[str]):
    """What the keys of a space are called, by row."""

    def __init__(self) -> None:
        """Start with no name."""
        self._bytes = np.zeros((_FIRST_ROWS, _NAME_BYTES), np.uint8)
        self._length = np.zeros(_FIRST_ROWS, np.uint8)
        self._long: dict[int, str] = {}
        self._read: dict[int, str] = {}  # of few spaces names are read, but of those again and again

    def put(self, rows: Rows, texts: Text, size: int) -> None:
        """Name some rows; `size` rows exist."""
        self._bytes, self._length = grown(self._bytes, size), grown(self._length, size)
        _copy_names(rows, texts.data, texts.start, texts.length, self._bytes, self._length)
        if self._read:
            self._read.clear()
        for i in (texts.length > _NAME_BYTES).nonzero()[0].tolist():
            self._long[int(rows[i])] = texts[i]
        for row in self._long.keys() & set(rows.tolist()) if self._long else ():
            if self._length[row] <= _NAME_BYTES:
                del self._long[row]

    def __len__(self) -> int:
        """Rows that have room for a name."""
        return len(self._length)

    @overload
    def __getitem__(self, row: int) -> str: ...
    @overload
    def __getitem__(self, row: slice) -> list[str]: ...
    def __getitem__(self, row: int | slice) -> str | list[str]:
        """The name of a row."""
        if isinstance(row, slice):
            return [self[i] for i in range(*row.indices(len(self)))]
        name = self._read.get(row)
        if name is None:
            length = int(self._length[row])
            name = self._long[row] if length > _NAME_BYTES else spoken(self._bytes[row, :length].tobytes())
            if len(self._read) >= _MOST_READ:
                self._read.clear()
            self._read[row] = name
        return name

    def get_state(self, size: int) -> State:
        """The names of the first `size` rows."""
        return {"bytes": self._bytes[:size], "length": self._length[:size], "long": written(self._long)}

    def set_state(self, state: State) -> None:
        """Go on from those names."""
        self._bytes, self._length = room(state["bytes"], _FIRST_ROWS), room(state["length"], _FIRST_ROWS)
        self._long = read_back(state["long"], dict[int, str])
        self._read.clear()

    @property
    def nbytes(self) -> int:
        """Memory taken, in bytes."""
        return self._bytes.nbytes + self._length.nbytes + sum(200 + len(name) for name in self._long.values())


class Keys:
    """Rows for the keys of one kind, at most `capacity` alive.

    >>> keys = Keys("product", capacity=2)
    >>> [array.tolist() for array in keys.rows(Text.of(["a", "b", "a"]))]
    [[0, 1, 0], [True, True, False]]
    >>> [array.tolist() for array in keys.rows(Text.of(["c", "a"]))]   # "b" was seen longest ago
    [[1, 0], [True, False]]
    >>> keys.names[1]
    'c'
    """

    def __init__(self, kind: str, capacity: int, *, named: bool = True) -> None:
        """Name the `kind` (for metrics) and bound the number of live keys; without names they are bits alone."""
        if capacity < 1:
            raise ValueError(f"state.max_{kind}s is {capacity}: at least 1 key must fit")
        self.kind = kind
        self.capacity = capacity
        self.evicted_total = 0
        self.names = Names()
        self._named = named
        rooms = min(_FIRST_ROWS, capacity)
        self._owner, self._seen = np.zeros(rooms, np.int64), np.zeros(rooms, np.int64)
        self._slots = np.zeros(_slots_for(rooms), np.int32)
        self._free = np.zeros(max(1, capacity // _EVICTED_SHARE), np.int64)
        self._count = np.zeros(3, np.int64)

    def __len__(self) -> int:
        """Live keys."""
        return int(self._count[_USED] - self._count[_FREE])

    @property
    def size(self) -> int:
        """Rows that state arrays must have."""
        return int(self._count[_USED])

    @property
    def nbytes(self) -> int:
        """Memory taken, in bytes."""
        own = (self._owner, self._seen, self._slots, self._free)
        return sum(array.nbytes for array in own) + self.names.nbytes

    def find(self, key: str) -> int:
        """The row of a key, -1 where it is not alive; does not count as seen."""
        return int(self._slots[_place(Text.of([key]).hash[0], self._slots, self._owner)]) - 1

    def rows(self, keys: Naming) -> tuple[Rows, Flags]:
        """Rows of `keys` in order; a key not alive gets one, flagged fresh."""
        bits = keys.hash
        n = len(bits)
        if not n:
            return _NO_ROW, _NO_FLAG
        rows, fresh, done = np.empty(n, np.int64), np.zeros(n, np.bool_), 0
        while True:
            done = _assign(bits, done, self._slots, self._owner, self._seen, self._free, self._count, rows, fresh)
            if done == n:
                break
            self._make_room()
        if self._named:
            self._name(keys, rows, fresh)
        return rows, fresh

    def get_state(self) -> State:
        """Who owns which row, when each was seen last, and what it is called."""
        own = {
            "owner": self._owner[: self.size],
            "seen": self._seen[: self.size],
            "free": self._free[: self._count[_FREE]],
            "count": self._count,
            "evicted_total": np.array([self.evicted_total]),
        }
        return gathered({"keys": own, "names": self.names.get_state(self.size if self._named else 0)})

    def set_state(self, state: State) -> None:
        """Go on from a state of the same capacity."""
        own = part_of(state, "keys")
        if len(own["owner"]) > self.capacity:
            raise ValueError(f"state holds {len(own['owner'])} keys, state.max_{self.kind}s is {self.capacity}")
        rooms = min(self.capacity, max(_FIRST_ROWS, len(own["owner"])))
        self._owner, self._seen = room(own["owner"], rooms), room(own["seen"], rooms)
        self._free, self._count = room(own["free"], len(self._free)), own["count"].copy()
        self.evicted_total = int(own["evicted_total"][0])
        self._slots = np.zeros(_slots_for(rooms), np.int32)
        living = np.ones(self.size, np.bool_)
        living[self._free[: self._count[_FREE]]] = False
        _fill(self._slots, self._owner, living.nonzero()[0])
        self.names.set_state(part_of(state, "names"))

    def bits(self, rows: Rows) -> I64:
        """The 64 bits of the keys that own `rows`."""
        return self._owner[rows]

    def _name(self, keys: Naming, rows: Rows, fresh: Flags) -> None:
        new = fresh.nonzero()[0]
        if len(new):
            self.names.put(rows[new], keys.take(new), self.size)

    def _make_room(self) -> None:
        rows = len(self._owner)
        if rows >= self.capacity:
            self._evict()
            return
        rows = min(self.capacity, rows + max(rows // _GROWTH, _LEAST_GROWTH))
        self._owner, self._seen = room(self._owner, rows), room(self._seen, rows)
        if len(self._slots) < _slots_for(rows):
            self._slots = np.zeros(_slots_for(rows), np.int32)
            _fill(self._slots, self._owner, np.arange(self.size))

    def _evict(self) -> None:
        n = max(1, self.capacity // _EVICTED_SHARE)
        oldest = np.sort(np.argpartition(self._seen, n - 1)[:n])[::-1]
        _forget(oldest, self._slots, self._owner)
        self._free[:n], self._count[_FREE] = oldest, n
        self.evicted_total += n


def _slots_for(rows: int) -> int:
    """A power of two, at most two thirds full."""
    return 1 << (rows * 3 // 2).bit_length()
