"""State as plain arrays by name: what a part has learned, so that it can go on elsewhere as if never stopped.

Every part that remembers anything has `get_state` and `set_state`. The arrays of `get_state` may be the living
ones: who keeps them copies them. Nothing in them is code: no object, no pickle.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, TypeVar, runtime_checkable

import msgspec
import numpy as np
from numpy.typing import NDArray

State = dict[str, NDArray[Any]]
T = TypeVar("T")


@runtime_checkable
class Stateful(Protocol):
    """A part that remembers."""

    def get_state(self) -> State:
        """All that was learned."""

    def set_state(self, state: State) -> None:
        """Go on from `get_state` of a part of the same settings."""


def gathered(parts: Mapping[str, State]) -> State:
    """Put the states of some parts together, each under the name of its part.

    >>> gathered({"clock": {"now": np.array([7])}})
    {'clock/now': array([7])}
    """
    return {f"{part}/{name}": array for part, state in parts.items() for name, array in state.items()}


def part_of(state: State, part: str) -> State:
    """The state of one part.

    >>> part_of({"clock/now": np.array([7]), "keys/size": np.array([3])}, "clock")
    {'now': array([7])}
    """
    return {name[len(part) + 1 :]: array for name, array in state.items() if name.startswith(f"{part}/")}


def restore(parts: Mapping[str, Stateful], state: State) -> None:
    """Give each part its state back."""
    for name, part in parts.items():
        part.set_state(part_of(state, name))


def written(document: object) -> NDArray[np.uint8]:
    """Something small that is no array, as the bytes of its MessagePack."""
    return np.frombuffer(msgspec.msgpack.encode(document), np.uint8)


def read_back(array: NDArray[Any], type_: type[T]) -> T:
    """What was `written`."""
    return msgspec.msgpack.decode(array.tobytes(), type=type_)


def room(array: NDArray[Any], rows: int) -> NDArray[Any]:
    """A copy that can be written to, with at least so many rows."""
    out = np.zeros((max(rows, len(array)), *array.shape[1:]), array.dtype)
    out[: len(array)] = array
    return out
