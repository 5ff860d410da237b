"""Reading and writing where the scanner stands.

Places are taken as unsigned: numba would make each of them a choice between counting from the front and from the
back, on the path that every next step waits for.
"""

from __future__ import annotations

from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from features.wire.kernel import inlined

Bytes = NDArray[np.uint8]
Ints = NDArray[np.int64]

_ONE, _TWO, _THREE, _FOUR, _FIVE, _SIX, _SEVEN = (np.uint64(k) for k in range(1, 8))
_8, _16, _24, _32, _40, _48, _56 = (np.uint64(8 * k) for k in range(1, 8))
PADDING: Final = 40
"""Bytes that must stand behind the last message: words from its end on, and those of a name, are within the data."""


@inlined
def byte(data: Bytes, i: int) -> int:
    """Byte i."""
    return np.int64(data[np.uint64(i)])  # type: ignore[return-value]  # compiled, the two are one


@inlined
def word(data: Bytes, i: int) -> np.uint64:
    """The eight bytes from i on, the first one lowest; compiled, this is one load."""
    p = np.uint64(i)
    low = np.uint64(data[p]) | np.uint64(data[p + _ONE]) << _8 | np.uint64(data[p + _TWO]) << _16
    low |= np.uint64(data[p + _THREE]) << _24
    high = np.uint64(data[p + _FOUR]) << _32 | np.uint64(data[p + _FIVE]) << _40
    return low | high | np.uint64(data[p + _SIX]) << _48 | np.uint64(data[p + _SEVEN]) << _56


@inlined
def cell(table: NDArray[Any], k: int) -> int:
    """Element k of a table."""
    return table[np.uint64(k)]  # type: ignore[no-any-return]  # of integers


@inlined
def bits(table: NDArray[np.uint64], k: int) -> np.uint64:
    """Element k of a table of words."""
    return table[np.uint64(k)]  # type: ignore[no-any-return]  # of words


@inlined
def put(slots: Ints, k: int, number: int) -> None:
    """Set element k."""
    slots[np.uint64(k)] = number
