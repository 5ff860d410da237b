"""A feature that remembers one array, a row a key."""

from __future__ import annotations

from features.batch import F64
from features.feature import Feature
from features.state import State, room


class OneArray(Feature):
    """What it has learned is `_state`."""

    _state: F64

    def get_state(self) -> State:
        """The rows of all keys."""
        return {"state": self._state}

    def set_state(self, state: State) -> None:
        """Go on from these rows."""
        self._state = room(state["state"], 1)
