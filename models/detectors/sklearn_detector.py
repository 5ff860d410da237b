"""Any scikit-learn outlier model: one trained elsewhere and loaded from a file, or fitted here on the stream.

Scores are `score_samples` with the sign turned, so that higher is odder. A batch costs little more than a
row (IsolationForest: 200 rows a second one by one, 60,000 by the thousand), so rows are scored together
between two fits. A fit holds up the stream: 0.2 s for an IsolationForest of 100 trees.

Models come from skops files only. Reading one builds no object whose type is not known here or listed in
`trusted`; a pickle would run whatever code its writer put in.

Sources: Liu, Ting and Zhou, Isolation Forest, ICDM 2008; Pedregosa et al., JMLR 12 (2011); skops.io.
"""

from __future__ import annotations

import zipfile
from copy import deepcopy
from dataclasses import field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Final

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass
from sklearn.base import BaseEstimator, clone, is_outlier_detector
from sklearn.utils.validation import check_is_fitted

from features.state import State
from models.detector import LARGEST, Detector, F64Matrix, F64Vector, same_shape
from models.detectors._class_path import class_at, made

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

_TRUSTED: Final = frozenset(
    {
        "sklearn.metrics._dist_metrics.EuclideanDistance64",
        "sklearn.neighbors._ball_tree.BallTree",
        "sklearn.neighbors._kd_tree.KDTree",
        "sklearn.tree._tree.Tree",
    }
)
"""Compiled types of scikit-learn's outlier models: arrays with methods, which skops does not list itself."""

_EXAMPLE: Final = "sklearn.ensemble.IsolationForest"


@dataclass(config=ConfigDict(extra="forbid"), kw_only=True)
class SklearnDetector(Detector):
    """Runs a scikit-learn outlier model over batches of rows.

    A missing feature (NaN) is passed to models that take NaN, as IsolationForest
    does, or a pipeline with an imputer in front; others pass such a row over. No opinion until a model is
    there: at once with `file`, else after `first_fit_rows`. Fits fall on exact counts of learned rows.
    Memory: `window_rows` rows of 8 bytes a feature, and the model.

    Caveat: with more than 15 features LocalOutlierFactor multiplies whole matrices, whose last bit depends on
    their size; set its `algorithm` to "kd_tree" to keep the score free of where batches were cut.

    Parameters
    ----------
    file
        A fitted model, written with `skops.io.dump`. Null: `model` is fitted here.
    trusted
        Further types that may be built from `file`, by their full names.
    model
        Path of the class to fit where there is no file.
    params
        Its parameters.
    window_rows
        Latest learned rows that a fit sees.
    first_fit_rows
        Learned rows before the first fit.
    refit_rows
        A fit every so many learned rows; 0 for never again.
    seed
        Random state of every fit, where the model takes one and none was set.

    >>> rng = np.random.default_rng(1)
    >>> forest = SklearnDetector(params={"n_estimators": 20}, first_fit_rows=200)
    >>> forest.learn(rng.normal(size=(200, 2)))
    >>> usual, odd = forest.score(np.array([[0.0, 0.0], [6.0, 6.0]]))
    >>> bool(odd > usual)
    True
    """

    copies_quickly: ClassVar[bool] = False  # its model is read anew

    file: Path | None = None
    trusted: tuple[str, ...] = ()
    model: str = _EXAMPLE
    params: dict[str, Any] = field(default_factory=dict)
    window_rows: Annotated[int, Field(ge=2, le=1_000_000)] = 5_000
    first_fit_rows: Annotated[int, Field(ge=2)] = 1_000
    refit_rows: Annotated[int, Field(ge=0)] = 5_000
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 42

    def __post_init__(self) -> None:
        """Load or prepare the model, so that a bad file or parameter stops the start."""
        if self.first_fit_rows > self.window_rows:
            raise ValueError(f"first_fit_rows is {self.first_fit_rows}, window_rows keeps {self.window_rows}")
        self._packed = _read(self.file) if self.file else b""
        self._fitted = self._unpacked(self._packed, str(self.file)) if self.file else None
        if self._fitted is not None:
            self.model, self.params = _told(self._fitted, self.model, self.params)
        self._adapt(self._fitted or _checked(made(class_at(self.model, BaseEstimator, _EXAMPLE), self.params)))
        self._window: F64Matrix = np.empty((self.window_rows, 0))
        self._learned = 0

    def score(self, x: F64Matrix) -> F64Vector:
        """Score all rows at once on the model as it is now."""
        scores = np.full(len(x), np.nan)
        rows, usable = self._usable(x)
        scores[usable] = self._score(rows[usable])
        return scores

    def learn(self, x: F64Matrix) -> None:
        """Move each row into the window, fitting whenever the count of rows says so."""
        rows, usable = self._usable(x)
        for chunk in self._to_fits(usable.nonzero()[0]):
            self._take(rows[chunk])

    def score_learn(self, x: F64Matrix) -> F64Vector:
        """Score the rows up to the next fit together, learn them, fit, and so on."""
        scores = np.full(len(x), np.nan)
        rows, usable = self._usable(x)
        for chunk in self._to_fits(usable.nonzero()[0]):
            scores[chunk] = self._score(rows[chunk])
            self._take(rows[chunk])
        return scores

    def get_state(self) -> State:
        """Window, count of rows, and the model in skops's format as bytes."""
        import skops.io  # it takes seconds, and most workers have no scikit-learn model

        if self._fitted is not None and not self._packed:
            self._packed = skops.io.dumps(self._fitted)
        return {
            "window": self._window.copy(),
            "learned": np.array([self._learned], np.int64),
            "model": np.frombuffer(self._packed, np.uint8).copy(),
        }

    def set_state(self, state: State) -> None:
        """Go on from a state of the same parameters; its model is checked as a file's is."""
        like = {
            "window": np.empty((self.window_rows, *state["window"].shape[1:2])),
            "learned": np.zeros(1, np.int64),
            "model": np.empty(state["model"].size, np.uint8),
        }
        restored = same_shape(state, like, "SklearnDetector")
        packed = restored["model"].tobytes()
        self._fitted = self._unpacked(packed, "state") if packed else None
        if self._fitted is not None:
            self._adapt(self._fitted)
        self._packed, self._learned = packed, int(restored["learned"][0])
        self._window = restored["window"]

    def __deepcopy__(self, memo: dict[int, Any]) -> SklearnDetector:
        """A detector of its own; the fitted model is shared, since a fit makes a new one and scoring changes none."""
        twin = object.__new__(type(self))
        memo[id(self)] = twin
        shared = {"_fitted": self._fitted, "_packed": self._packed}
        own = {name: value for name, value in vars(self).items() if name not in shared}
        vars(twin).update(deepcopy(own, memo) | shared)
        return twin

    def _adapt(self, model: Any) -> None:
        """Treat missing values, and fit again, as this model does: it may be another class than `model` names."""
        self._takes_nan = bool(model.__sklearn_tags__().input_tags.allow_nan)
        self._template = _seeded(clone(model), self.seed)

    def _score(self, rows: F64Matrix) -> F64Vector:
        if self._fitted is None or not len(rows):
            return np.full(len(rows), np.nan)
        return -np.asarray(self._fitted.score_samples(rows), np.float64)

    def _usable(self, x: F64Matrix) -> tuple[F64Matrix, NDArray[np.bool_]]:
        """The rows with NaN for all that is missing, and which of them the model can take."""
        found = np.abs(x) <= LARGEST
        enough = np.any if self._takes_nan else np.all
        return np.where(found, x, np.nan), enough(found, axis=1)

    def _to_fits(self, places: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        """Cut the places of rows where fits fall due; take each piece before asking for the next."""
        while len(places):
            due = self._rows_to_fit() or len(places)
            yield places[:due]
            places = places[due:]

    def _rows_to_fit(self) -> int | None:
        """Rows to learn until the next fit; None where none will come."""
        if self._learned < self.first_fit_rows and self._fitted is None:
            return self.first_fit_rows - self._learned
        return self.refit_rows - self._learned % self.refit_rows if self.refit_rows else None

    def _take(self, rows: F64Matrix) -> None:
        """Move rows into the window, and fit if that many were waited for."""
        fits = len(rows) == self._rows_to_fit()
        if self._window.shape[1] != rows.shape[1]:
            if self._learned:
                raise ValueError(f"a row has {rows.shape[1]} features, the first one {self._window.shape[1]}")
            self._window = np.full((self.window_rows, rows.shape[1]), np.nan)
        kept = rows[-self.window_rows :]
        self._learned += len(rows)
        self._window[np.arange(self._learned - len(kept), self._learned) % self.window_rows] = kept
        if fits:
            self._fit()

    def _fit(self) -> None:
        """Fit a fresh model on the window, oldest row first."""
        filled = min(self._learned, self.window_rows)
        oldest_first = np.arange(self._learned - filled, self._learned) % self.window_rows
        self._fitted, self._packed = clone(self._template).fit(self._window[oldest_first]), b""

    def _unpacked(self, packed: bytes, source: str) -> Any:
        """Build the model of a skops file, once its types are known to be harmless."""
        import skops.io

        try:
            unknown = set(skops.io.get_untrusted_types(data=packed)) - _TRUSTED - set(self.trusted)
        except (zipfile.BadZipFile, KeyError, ValueError) as error:
            raise ValueError(f"{source} is no skops file ({error}); write it with skops.io.dump") from None
        if unknown:
            raise ValueError(f"{source} holds {min(unknown)}: not trusted; if it should be, add it to trusted")
        model = _checked(skops.io.loads(packed, trusted=[*_TRUSTED, *self.trusted]))
        check_is_fitted(model)
        return model


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise ValueError(f"file {str(file)!r} cannot be read: {error.strerror}") from None


def _checked(model: Any) -> Any:
    """Refuse what has no outlier score."""
    if not is_outlier_detector(model) or not hasattr(model, "score_samples"):
        hint = "; set novelty: true" if hasattr(model, "novelty") else ""
        raise ValueError(f"{type(model).__name__} is no outlier model with score_samples{hint}")
    return model


def _told(model: Any, path: str, params: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Class and parameters of a model that was fitted elsewhere, so that its registry entry shows them.

    What a pipeline is made of could not be written down, and some classes are imported from nowhere: then both stay.
    """
    kind = type(model)
    public = f"{kind.__module__.partition('._')[0]}.{kind.__name__}"
    try:
        class_at(public, kind, _EXAMPLE)
        usual = kind().get_params()
    except (TypeError, ValueError):  # it has no such path, or takes arguments
        return path, params
    own = {name: value for name, value in model.get_params().items() if value != usual[name]}
    can_be_written = all(isinstance(value, int | float | str | bool | None) for value in own.values())
    return (public, own) if can_be_written else (path, params)


def _seeded(model: Any, seed: int) -> Any:
    """Fix every random state that was left open, also those inside a pipeline."""
    names = [name for name, value in model.get_params().items() if value is None]
    return model.set_params(**{n: seed for n in names if n.rpartition("__")[2] == "random_state"})
