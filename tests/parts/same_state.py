"""Whether two states are the same, where one of them was read back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import numpy as np

from features.state import read_back

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from features.state import State

_HEAP: Final = "life/heap"
_DEADLINE: Final = "life/deadline"
_OF_A_WORKER: Final = ("ledger/", "reading/", "outbox.", "memory/")


def differences(one: State, other: State) -> list[str]:
    """The names of the arrays that differ.

    Room for later rows is no difference, since an array that was read back has none, and neither is the order of the
    entries of a mapping, which is that in which the partitions were read. Of a heap of deadlines those count that
    still hold; when the others are swept out is a matter of how large the batches were.
    """
    names = sorted(one.keys() ^ other.keys())
    for name in sorted(one.keys() & other.keys()):
        is_same = (
            _holding(one, name) == _holding(other, name) if name.endswith(_HEAP) else _same(one[name], other[name])
        )
        names += [] if is_same else [name]
    return names


def learned(state: State) -> State:
    """The state without what one that shares knows of the others, and one that is alone of where its log began."""
    return {name: array for name, array in state.items() if not name.startswith(_OF_A_WORKER)}


def _holding(state: State, name: str) -> set[tuple[int, ...]]:
    """The deadlines of a heap, as rows of time, order and stage, that are still those of their orders."""
    heap, deadline = state[name], state[name.removesuffix(_HEAP) + _DEADLINE]
    return set(map(tuple, heap[deadline[heap[:, 1]] == heap[:, 0]].tolist()))


def _same(one: NDArray[Any], other: NDArray[Any]) -> bool:
    n = min(len(one), len(other))
    if one[:n].tobytes() == other[:n].tobytes():
        return not any(np.frombuffer(rest[n:].tobytes(), np.uint8).any() for rest in (one, other))
    if one.dtype != np.uint8:
        return False
    try:
        return bool(read_back(one, object) == read_back(other, object))
    except ValueError:  # bytes that are no document
        return False
