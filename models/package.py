"""A detector as files: what it is, what it has learned, and the proof that it came back the same.

`pack` takes a detector apart, `Package.bring_up` puts it together again. The files are

* `state.npz`, the arrays of `get_state`;
* `model.skops`, a scikit-learn model, where there is one: skops builds no object of a type that it does not know;
* `proof.npz`, some rows and the scores that the detector gave them;
* `reference.npz`, the state of the calibration of its scores, so that it has an opinion from its first row on.

There is no pickle: reading one runs whatever its writer put in.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
from pydantic import TypeAdapter

from config.errors import ConfigRefused
from features.state import State
from models.calibration import Calibration
from models.detector import Detector, F64Matrix
from models.npz import packed, unpacked

STATE: Final = "state.npz"
MODEL: Final = "model.skops"
PROOF: Final = "proof.npz"
REFERENCE: Final = "reference.npz"

_PROOF_ROWS: Final = 256
_TOLERANCE: Final = 1e-6
"""Relative difference of a score that another processor may make; another version of a library makes more."""
OF_THE_HOST: Final = frozenset({"file", "trusted"})
"""Parameters that say what the serving machine has and trusts. A package must not bring them."""


class ModelRefused(ConfigRefused):
    """A model cannot be kept or served. One line: which, why, and what would help."""


@dataclasses.dataclass(frozen=True, slots=True)
class Package:
    """A detector taken apart.

    `part` is its name in the settings, `params` its parameters, `features` its columns in their order, `files`
    what it has learned.
    """

    part: str
    params: Mapping[str, Any]
    features: tuple[str, ...]
    files: Mapping[str, bytes]

    def bring_up(self, detector: Detector, calibration: Calibration | None = None) -> None:
        """Give a fresh detector of these parameters, and its calibration, all that was learned.

        Raises ModelRefused when a file is no state of theirs.
        """
        try:
            detector.set_state(self._state())
            if calibration is not None and REFERENCE in self.files:
                calibration.set_state(unpacked(self.files[REFERENCE]))
        except (ValueError, KeyError, IndexError, TypeError, NotImplementedError) as error:
            raise ModelRefused(f"{self.part} cannot go on from its files: {error}") from None

    def prove(self, detector: Detector) -> None:
        """Score the rows of the proof with a detector that was brought up; raise ModelRefused if it differs."""
        if PROOF not in self.files:
            return
        proof = unpacked(self.files[PROOF])
        scores, expected = detector.score(proof["rows"]), proof["scores"]
        alike = np.isclose(scores, expected, rtol=_TOLERANCE, atol=0.0, equal_nan=True)
        if not alike.all():
            at = int((~alike).nonzero()[0][0])
            raise ModelRefused(
                f"{self.part} scores {int((~alike).sum())} of {len(alike)} rows of its proof differently: row {at} "
                f"{scores[at]:.9g} where it was {expected[at]:.9g}; train it again with the libraries installed here"
            )

    def _state(self) -> State:
        state = unpacked(self.files[STATE])
        if MODEL in self.files:
            state["model"] = np.frombuffer(self.files[MODEL], np.uint8)
        return state


def pack(part: str, detector: Detector, features: tuple[str, ...], rows: F64Matrix | None = None) -> Package:
    """Take a detector apart.

    `rows` are rows of `features` that the detector has not learned. The first 256 and their scores become the
    proof; the scores of all become the reference by which the first live rows are ranked. Without rows the model
    is served unproved, and says nothing until it has seen some hundred orders.

    Raises ModelRefused for a detector whose state cannot be written as arrays.
    """
    try:
        state = dict(detector.get_state())
    except NotImplementedError as error:
        raise ModelRefused(f"{part} cannot be stored: {error}") from None
    files = {}
    if "model" in state and state["model"].dtype == np.uint8:
        files[MODEL] = state.pop("model").tobytes()
    files[STATE] = packed(state)
    if rows is not None:
        files |= _evidence(detector, features, np.ascontiguousarray(rows, np.float64))
    return Package(part, parameters_of(detector), features, {name: data for name, data in files.items() if data})


def parameters_of(detector: Detector) -> dict[str, Any]:
    """The parameters of a detector as JSON has them, without those that are the host's own."""
    params = TypeAdapter(type(detector)).dump_python(detector, mode="json")
    return {name: value for name, value in params.items() if name not in OF_THE_HOST}


def _evidence(detector: Detector, features: tuple[str, ...], rows: F64Matrix) -> dict[str, bytes]:
    if rows.ndim != 2 or rows.shape[1] != len(features):  # noqa: PLR2004 - a table has two dimensions
        raise ModelRefused(f"rows are {rows.shape}, needed is one column for each of {', '.join(features)}")
    calibration, scores = Calibration(), detector.score(rows)
    calibration.score_learn(scores, 1.0)
    few = rows[:_PROOF_ROWS]
    return {
        PROOF: packed({"rows": few, "scores": detector.score(few)}),
        REFERENCE: packed(calibration.get_state()),
    }
