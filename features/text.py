"""Columns of texts that stay where they lie: in the bytes of the messages.

A text is a place in a buffer and 64 bits that stand for it (`features.wire.text`). Keys are looked up, counted
and compared by those bits; Python's own strings are made for the few texts that somebody reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Protocol, overload

import msgspec
import numba
import numpy as np
from numpy.typing import NDArray

from features.state import State
from features.wire.text import hash_text

Bytes = NDArray[np.uint8]
I64 = NDArray[np.int64]

_ODD: Final = np.uint64(0x9E3779B97F4A7C15)
_MIX: Final = np.uint64(0xFF51AFD7ED558CCD)
_HALF: Final = np.uint64(32)
_MOST_REMEMBERED: Final = 20_000
_remembered: dict[int, str] = {}
"""Texts read lately, by their bits: few different ones are read, again and again."""


class Naming(Protocol):
    """Keys that know their 64 bits, and what they are called when somebody asks."""

    hash: I64

    def __len__(self) -> int:
        """How many keys."""

    def take(self, rows: I64) -> Text:
        """The texts at `rows`."""


@numba.njit(cache=True)
def _hash_all(data: Bytes, start: I64, length: I64) -> I64:
    bits = np.empty(len(start), np.int64)
    for i in range(len(start)):
        bits[i] = hash_text(data, start[i], length[i])
    return bits


@numba.njit(cache=True)
def _code(bits: I64) -> tuple[I64, I64]:
    """Which of the different texts each one is, by where they come first, and where that is."""
    slots = np.zeros(2 << int(np.log2(len(bits) + 1)), np.int64)
    codes, first, n, last = np.empty(len(bits), np.int64), np.empty(len(bits), np.int64), 0, len(slots) - 1
    for i in range(len(bits)):
        j = bits[i] & last
        while slots[j] != 0 and bits[first[slots[j] - 1]] != bits[i]:
            j = (j + 1) & last
        if slots[j] == 0:
            first[n] = i
            n += 1
            slots[j] = n
        codes[i] = slots[j] - 1
    return codes, first[:n]


@numba.njit(cache=True)
def _pack(data: Bytes, start: I64, length: I64, packed: Bytes) -> I64:
    """Copy the texts behind one another; where each begins then."""
    moved, end = np.empty(len(start), np.int64), 0
    for i in range(len(start)):
        moved[i] = end
        for k in range(length[i]):
            packed[end + k] = data[start[i] + k]
        end += length[i]
    return moved


class Text:
    """A column of texts.

    Parameters
    ----------
    data
        UTF-8 bytes that hold them all, as JSON writes them.
    start, length
        (n,) where in `data` each begins, and how many bytes it has; an absent text has none.
    hash
        (n,) 64 bits of each; equal texts have equal bits.

    >>> channel = Text.of(["app", "web", "app"])
    >>> channel[1], channel[:2], bool(channel.hash[0] == channel.hash[2])
    ('web', ['app', 'web'], True)
    """

    __slots__ = ("_coded", "_read", "data", "hash", "length", "start")

    def __init__(self, data: Bytes, start: I64, length: I64, hash: I64) -> None:  # noqa: A002  # what it is
        """Refer to texts; nothing is copied."""
        self.data, self.start, self.length, self.hash = data, start, length, hash
        self._read: list[str] | None = None
        self._coded: tuple[I64, list[str]] | None = None

    @classmethod
    def of(cls, texts: Iterable[str]) -> Text:
        """Write some of Python's strings into a column."""
        encoded = [_written(text) for text in texts]
        data = np.frombuffer(b"".join(encoded), np.uint8)
        length = np.array([len(text) for text in encoded], np.int64)
        start = np.cumsum(length) - length
        return cls(data, start, length, _hash_all(data, start, length))

    @classmethod
    def join(cls, pieces: Sequence[Text]) -> Text:
        """All texts of some columns, behind one another."""
        if len(pieces) == 1:
            return pieces[0]
        moved = np.cumsum([0, *(len(piece.data) for piece in pieces[:-1])])
        return cls(
            _sealed(np.concatenate([piece.data for piece in pieces])),
            np.concatenate([piece.start + by for piece, by in zip(pieces, moved.tolist(), strict=True)]),
            np.concatenate([piece.length for piece in pieces]),
            np.concatenate([piece.hash for piece in pieces]),
        )

    def __len__(self) -> int:
        """How many texts."""
        return len(self.start)

    @overload
    def __getitem__(self, at: int) -> str: ...
    @overload
    def __getitem__(self, at: slice) -> list[str]: ...
    def __getitem__(self, at: int | slice) -> str | list[str]:
        """Read one text, or some in a row."""
        if isinstance(at, slice) or self._read is not None:
            return self._all()[at]
        bits = int(self.hash[at])
        return _remembered.get(bits) or self._one(at, bits)

    def __iter__(self) -> Iterator[str]:
        """Read every text."""
        return iter(self._all())

    def coded(self) -> tuple[I64, list[str]]:
        """Which of the different texts each one is, and these, by where they come first.

        >>> codes, names = Text.of(["web", "app", "web"]).coded()
        >>> codes.tolist(), names
        ([0, 1, 0], ['web', 'app'])
        """
        if self._coded is None:
            codes, first = _code(self.hash)
            self._coded = codes, [self[at] for at in first.tolist()]
        return self._coded

    def distinct(self) -> list[str]:
        """Each different text once."""
        return self.coded()[1]

    def take(self, rows: I64 | slice) -> Text:
        """The texts at `rows`, still where they lie."""
        return Text(self.data, self.start[rows], self.length[rows], self.hash[rows])

    def get_state(self) -> State:
        """The column as arrays; pack it before, or all messages come along."""
        return {"data": self.data, "start": self.start, "length": self.length, "hash": self.hash}

    @classmethod
    def from_state(cls, state: State) -> Text:
        """The column that these arrays were."""
        return cls(_sealed(state["data"].copy()), state["start"], state["length"], state["hash"])

    def packed(self) -> Text:
        """The same texts in a buffer of their own, so that the messages can go."""
        data = np.empty(int(self.length.sum()), np.uint8)
        start = _pack(self.data, self.start, self.length, data)
        return Text(_sealed(data), start, self.length, self.hash)

    def _all(self) -> list[str]:
        if self._read is None:
            get = _remembered.get
            self._read = [get(bits) or self._one(at, bits) for at, bits in enumerate(self.hash.tolist())]
        return self._read

    def _one(self, at: int, bits: int) -> str:
        start = int(self.start[at])
        text = spoken(self.data[start : start + int(self.length[at])].tobytes())
        if len(_remembered) >= _MOST_REMEMBERED:
            _remembered.clear()
        _remembered[bits] = text
        return text


class Composed:
    """Keys made of several parts: their bits are mixed from the parts', their names are put together on demand.

    Parameters
    ----------
    hash
        (n,) bits, see `mixed`.
    name
        The name of the key at a position.
    """

    __slots__ = ("_name", "hash")

    def __init__(self, hash: I64, name: Callable[[int], str] = str) -> None:  # noqa: A002  # what it is
        """Refer to keys; no name is made."""
        self.hash, self._name = hash, name

    def __len__(self) -> int:
        """How many keys."""
        return len(self.hash)

    def take(self, rows: I64) -> Text:
        """The names of the keys at `rows`; their bits are those of the parts."""
        named = Text.of([self._name(row) for row in rows.tolist()])
        return Text(named.data, named.start, named.length, self.hash[rows])


@numba.njit(cache=True)
def mix(first: int, second: int) -> int:
    """64 bits for a pair of 64 bits, in that order."""
    bits = np.uint64(first) * _ODD ^ np.uint64(second)
    bits ^= bits >> _HALF
    bits *= _MIX
    bits ^= bits >> _HALF
    return np.int64(bits)  # type: ignore[return-value]  # compiled: a number


@numba.njit(cache=True)
def mixed(first: I64, second: I64) -> I64:
    """`mix` of each pair."""
    bits = np.empty(len(first), np.int64)
    for i in range(len(first)):
        bits[i] = mix(first[i], second[i])
    return bits


def _sealed(data: Bytes) -> Bytes:
    """Read-only, as messages are: kernels are compiled for one sort of array."""
    data.flags.writeable = False
    return data


def _written(text: str) -> bytes:
    """As JSON writes it between its quotes, so that a text has the same bits wherever it comes from."""
    return msgspec.json.encode(text)[1:-1]


def spoken(written: bytes) -> str:
    """What was written between the quotes of a JSON string."""
    if b"\\" not in written:
        return written.decode()
    text: str = msgspec.json.decode(b'"' + written + b'"')
    return text
