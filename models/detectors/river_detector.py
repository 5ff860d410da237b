"""Any river anomaly detector, row by row, beside the compiled ones.

river's `learn_one` and `score_one` take a dictionary; each row becomes one, without the features that are
missing. Row by row in Python is slow (river's OneClassSVM scores and learns some 30,000 rows a second, its
LODA 3,000): keep it for what the compiled detectors do not do.

Two things are taken from river as they are. A score's scale and even its sense are the detector's own:
OneClassSVM is linear, so it sees a row that is odd in one direction only. And memory is the detector's own:
LocalOutlierFactor keeps every row, and is no detector for a stream.

Source: Montiel et al., River: machine learning for streaming data in Python, JMLR 22 (2021).
"""

from __future__ import annotations

import inspect
import math
from dataclasses import field
from typing import Annotated, Any, ClassVar

import msgspec
import numpy as np
from numpy.typing import NDArray
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from river import base

from features.state import State, read_back, written
from models.detector import LARGEST, Detector, F64Matrix, F64Vector, StateNotPortable
from models.detectors._class_path import class_at, made
from models.detectors._river_state import put_back, written_out

_KINDS = (base.AnomalyDetector, base.SupervisedAnomalyDetector, base.AnomalyFilter)


@dataclass(config=ConfigDict(extra="forbid"), kw_only=True)
class RiverDetector(Detector):
    """Runs the river detector that `detector` names.

    A missing feature (NaN) is left out of the row, as river has it; where the judged `target` itself is
    missing the row is passed over. No opinion before `warm_up_rows` rows were learned.

    Restart: a model whose parts are written in Python (all detectors of `river.anomaly` but QuantileFilter) goes on
    where it stopped. One with compiled parts that keep their state to themselves cannot be written: `get_state`
    refuses, and the restarted detector has no opinion until it has learned `warm_up_rows` again.

    Parameters
    ----------
    detector
        Path of a class of `river.anomaly`, or of one of your own that derives from river's.
    params
        Its parameters. One that is itself a river object is written `{"class": path, "params": {...}}`.
    scaler
        Path of a river scaler that sees each row first; null for none. It never scales the target.
    target
        Place of the one column that a supervised detector (GaussianScorer) judges; the others are its x.
    warm_up_rows
        Rows learned before the first score.
    seed
        Given to the detector where it takes a seed and `params` names none.

    >>> gauss = RiverDetector(detector="river.anomaly.GaussianScorer", scaler=None, warm_up_rows=100)
    >>> gauss.learn(np.random.default_rng(1).normal(size=(200, 1)))
    >>> gauss.score(np.array([[5.0], [np.nan]])).round(3).tolist()
    [1.0, nan]
    """

    copies_quickly: ClassVar[bool] = False  # its state is written out object by object

    detector: str = "river.anomaly.OneClassSVM"
    params: dict[str, Any] = field(default_factory=dict)
    scaler: str | None = "river.preprocessing.StandardScaler"
    target: Annotated[int, Field(ge=0)] = 0
    warm_up_rows: Annotated[int, Field(ge=1)] = 250
    seed: int = 42

    def __post_init__(self) -> None:
        """Build the model, so that a wrong path or parameter stops the start."""
        model, self._scaler = self._fresh()
        if not isinstance(model, _KINDS):  # a setting's value, so no TypeError
            raise ValueError(f"detector {self.detector!r} is no river anomaly detector")  # noqa: TRY004
        self._model = model
        self._supervised = bool(model._supervised)  # noqa: SLF001 - the name under which river tells
        self._learned = 0

    def score(self, x: F64Matrix) -> F64Vector:
        """Score each row on the state as it is now."""
        return np.array([self._score_one(row) for row in self._rows(x)], np.float64)

    def learn(self, x: F64Matrix) -> None:
        """Learn each row."""
        for row in self._rows(x):
            self._learn_one(row)

    def score_learn(self, x: F64Matrix) -> F64Vector:
        """Score each row on the state before it, then learn it."""
        scores = np.full(len(x), np.nan)
        for i, row in enumerate(self._rows(x)):
            scores[i] = self._score_one(row)
            self._learn_one(row)
        return scores

    def get_state(self) -> State:
        """Model and scaler as documents (`_river_state`), rows learned, and the parameters that they belong to."""
        try:
            model, scaler = written_out(self._model), written_out(self._scaler)
        except StateNotPortable as why:
            raise StateNotPortable(
                f"{self.detector} has no state of plain arrays ({why}); after a restart it learns "
                f"warm_up_rows = {self.warm_up_rows} rows before it scores again"
            ) from None
        learned = np.array([self._learned])
        return {"detector": written(model), "scaler": written(scaler), "learned": learned, "of": self._parameters()}

    def set_state(self, state: State) -> None:
        """Go on from a state of the same parameters."""
        needed = self._parameters()
        if {"detector", "scaler", "learned", "of"} != state.keys() or not np.array_equal(state["of"], needed):
            found = state["of"].tobytes().decode(errors="replace") if "of" in state else sorted(state)
            raise ValueError(f"RiverDetector: state of {found}; set: {needed.tobytes().decode()}")
        model, scaler = self._fresh()
        model = put_back(read_back(state["detector"], Any), model)
        self._model, self._scaler = model, put_back(read_back(state["scaler"], Any), scaler)
        self._learned = int(state["learned"][0])

    def _fresh(self) -> tuple[Any, Any]:
        """Model and scaler that have learned nothing."""
        return _made(self.detector, self.params, self.seed), _made(self.scaler, {}, self.seed) if self.scaler else None

    def _parameters(self) -> NDArray[np.uint8]:
        """What a state must agree on, as JSON."""
        named = [self.detector, self.params, self.scaler, self.target, self.seed]
        return np.frombuffer(msgspec.json.encode(named, order="sorted"), np.uint8)

    def _rows(self, x: F64Matrix) -> list[dict[int, float]]:
        """Each row as river wants it; empty where there is nothing to judge."""
        if self._supervised and self.target >= x.shape[1]:
            raise ValueError(f"target is column {self.target}, a row has {x.shape[1]} features")
        rows = [{j: value for j, value in enumerate(row) if abs(value) <= LARGEST} for row in x.tolist()]
        return [row if not self._supervised or self.target in row else {} for row in rows]

    def _score_one(self, row: dict[int, float]) -> float:
        if self._learned < self.warm_up_rows or not row:
            return math.nan
        return float(self._model.score_one(*self._arguments(row)))

    def _learn_one(self, row: dict[int, float]) -> None:
        if not row:
            return
        if self._scaler is not None:
            self._scaler.learn_one(self._features(row))
        self._model.learn_one(*self._arguments(row))
        self._learned += 1

    def _arguments(self, row: dict[int, float]) -> tuple[Any, ...]:
        """(x,), or (x, y) for a supervised detector."""
        x = self._features(row)
        if self._scaler is not None:
            x = self._scaler.transform_one(x)
        return (x, row[self.target]) if self._supervised else (x,)

    def _features(self, row: dict[int, float]) -> dict[int, float]:
        if not self._supervised:
            return row
        return {j: value for j, value in row.items() if j != self.target}


def _made(path: str, params: dict[str, Any], seed: int) -> Any:
    """Build the river object that `path` names, and those among its parameters."""
    cls = class_at(path, base.Base, "river.anomaly.OneClassSVM")
    given = {name: _value(value, seed) for name, value in params.items()}
    return made(cls, {"seed": seed, **given} if "seed" in inspect.signature(cls).parameters else given)


def _value(value: object, seed: int) -> object:
    if isinstance(value, dict) and "class" in value:
        return _made(value["class"], value.get("params", {}), seed)
    return value
