"""What a multivariate detector is: rows of features in, one raw score a row out."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from features.state import State

F64Matrix = NDArray[np.float64]
F64Vector = NDArray[np.float64]

LARGEST: Final = float(np.finfo(np.float32).max)
"""Beyond 3.4e38 a value counts as missing: its square could overflow, and one row spoil all later ones."""


class StateNotPortable(NotImplementedError):
    """This detector's state cannot be written as arrays; after a restart it learns again from new rows."""


def same_shape(state: State, like: State, owner: str) -> State:
    """Copy the arrays of `state` after checking that each has the name, type and shape of its like.

    Raises ValueError naming the owner, the array, and both shapes.
    """
    if state.keys() != like.keys():
        raise ValueError(f"{owner}: state holds {sorted(state)}, needed are {sorted(like)}")
    for name, array in state.items():
        if (array.shape, array.dtype) != (like[name].shape, like[name].dtype):
            found, needed = f"{array.dtype}{array.shape}", f"{like[name].dtype}{like[name].shape}"
            raise ValueError(f"{owner}: state {name!r} is {found}, these parameters need {needed}")
    return {name: array.copy() for name, array in state.items()}


class Detector(ABC):
    """Scores rows against what it has learned from the rows before them.

    `x` has one row an event and one column a feature, the same columns in the same order at every call. A
    higher score is odder; the scale is the detector's own (`models.calibration` makes it comparable). NaN
    means "no opinion": not ready yet, or a row that cannot be scored. It is never an error and never a zero.

    A feature that is not ready arrives as NaN, and counts as missing; so does a value beyond `LARGEST`. Each
    detector says in its own docstring whether it scores such a row on the rest or passes it over. A row that
    misses every value scores NaN and is never learned.

    What must not happen: that a result depends on where the input was cut into calls; that `score` changes
    anything; that two detectors of the same parameters and seed differ; that memory grows with the number of
    rows; that a clock, the network or another detector is looked at; that `x` is changed or kept.
    """

    copies_quickly: ClassVar[bool] = True
    """Whether its state is taken and put back in well under a millisecond, so that it may be gone back with."""

    @abstractmethod
    def score(self, x: F64Matrix) -> F64Vector:
        """Score each row on the state as it is now. Changes nothing."""

    @abstractmethod
    def learn(self, x: F64Matrix) -> None:
        """Take in each row, in order. The caller leaves out the rows that must not become normal."""

    def score_learn(self, x: F64Matrix) -> F64Vector:
        """Score each row on the state before it, then learn it, in order; a batch gives what its rows give.

        Overridden where one pass is quicker. It must equal this loop to the last bit.
        """
        scores = np.full(len(x), np.nan)
        for i in range(len(x)):
            row = x[i : i + 1]
            scores[i] = self.score(row)[0]
            self.learn(row)
        return scores

    @abstractmethod
    def get_state(self) -> State:
        """Copy all that was learned into plain arrays: no object, no pickle, nothing shared.

        Raises StateNotPortable where that cannot be done, never a partial state.
        """

    @abstractmethod
    def set_state(self, state: State) -> None:
        """Go on from `get_state` of a detector of the same parameters, as if it had never stopped.

        Raises ValueError, before anything is changed, when the state belongs to other parameters.
        """
