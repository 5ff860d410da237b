r"""Reservoir ensemble: a new row against a fair sample of all recent rows, seen from three sides.

A reservoir of n rows is kept, of which each new row replaces a random one with a small chance: after any number of
rows it is a sample of the stream whose memory fades exponentially. Three views of a row x against it:

* isolation: the mean depth at which x stands alone in random trees grown on samples of the reservoir;
* tails: the sum over the features of -log of the share of the reservoir that lies as far out as x;
* distance: the logarithm of the distance to the nearest of 64 rows of the reservoir.

Each view v is told in mean deviations from what it usually says, and the score is the mean of the three:

    score = 1/3 sum over v of w (v(x) - mean(v)) / mean |v - mean(v)|,     w = 1 above the mean, 1/4 below

since what one view finds odd is odd, however usual the others find it: a row amid several clusters is in the middle
for the trees and the tails.

No view sees all anomalies: trees miss what is odd in one of many features, tails what is odd in no single one,
distances what lies far out along a spread-out feature. Rows that score above 3 enter the reservoir eight times
more rarely, so that a burst does not become normal at once, and a lasting change does in time.

Sources: Liu, Ting and Zhou, Isolation Forest, ICDM 2008; Li et al., ECOD: Unsupervised Outlier Detection Using
Empirical Cumulative Distribution Functions, TKDE 2022; Sugiyama and Borgwardt, Rapid Distance-Based Outlier
Detection via Sampling, NIPS 2013; Aggarwal, On Biased Reservoir Sampling in the Presence of Stream Evolution,
VLDB 2006.
"""

from __future__ import annotations

from typing import Annotated, Final

import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from features.state import State
from models.detector import Detector, F64Matrix, F64Vector, same_shape
from models.detectors._reservoir_views import NEXT, PLACES, VIEWS, Reservoir, run

_NEAR_ROWS: Final = 64


@dataclass(config=ConfigDict(extra="forbid"), kw_only=True)
class ReservoirEnsemble(Detector):
    """Isolation trees, tails and distances on a fading sample of the stream, for many features at once.

    A missing feature (NaN) counts as usual. No opinion before `warm_up_rows`. Memory: 16 bytes a value of the
    reservoir and 4.5 kB a tree of 256 rows, whatever the stream.

    Parameters
    ----------
    n_trees
        Isolation trees. More of them smooth the score.
    sample_rows
        Rows of the reservoir that a tree is grown on.
    reservoir_rows
        Rows that are kept.
    memory_rows
        Rows after which a row has left the reservoir with a chance of 1 - 1/e.
    warm_up_rows
        Rows before the first opinion.
    seed
        Seed of trees and samples.

    >>> rng = np.random.default_rng(1)
    >>> ensemble = ReservoirEnsemble()
    >>> ensemble.learn(rng.normal(size=(1000, 3)))
    >>> usual, odd = ensemble.score(np.array([[0.1, -0.2, 0.3], [6.0, -5.0, 0.0]]))
    >>> bool(usual < 0.5), bool(odd > 2.0)
    (True, True)
    """

    n_trees: Annotated[int, Field(ge=1, le=1_000)] = 50
    sample_rows: Annotated[int, Field(ge=8, le=4_096)] = 256
    reservoir_rows: Annotated[int, Field(ge=64, le=100_000)] = 2_048
    memory_rows: Annotated[int, Field(ge=64, le=100_000_000)] = 16_384
    warm_up_rows: Annotated[int, Field(ge=32, le=100_000)] = 64
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 42

    def __post_init__(self) -> None:
        """Check what no single parameter shows. The arrays are made when the number of features is known."""
        for name, least in (("memory_rows", self.reservoir_rows), ("reservoir_rows", self.warm_up_rows)):
            if getattr(self, name) < least:
                other = "reservoir_rows" if name == "memory_rows" else "warm_up_rows"
                raise ValueError(f"{name} is {getattr(self, name)}, less than {other}, {least}")
        self._store: Reservoir | None = None

    def score(self, x: F64Matrix) -> F64Vector:
        """Score each row on the state as it is now, in mean deviations: 0 is usual."""
        return self._run(x, learn=False)

    def learn(self, x: F64Matrix) -> None:
        """Take in each row."""
        self._run(x, learn=True)

    def score_learn(self, x: F64Matrix) -> F64Vector:
        """Score each row on the state before it, then take it in, in one pass."""
        return self._run(x, learn=True)

    def get_state(self) -> State:
        """Reservoir, trees and progress; empty before the first row."""
        if self._store is None:
            return {}
        arrays = {name: array.copy() for name, array in self._store._asdict().items()}
        return {"parameters": self._parameters(), **arrays}

    def set_state(self, state: State) -> None:
        """Go on from a state of the same parameters."""
        if not state:
            self._store = None
            return
        like = self._empty(state["rows"].shape[1])
        restored = same_shape(state, {"parameters": self._parameters(), **like._asdict()}, "ReservoirEnsemble")
        parameters = restored.pop("parameters")
        if not np.array_equal(parameters, self._parameters()):
            raise ValueError(
                "ReservoirEnsemble: state of n_trees, sample_rows, reservoir_rows, memory_rows, warm_up_rows, seed "
                f"{parameters.tolist()}; set: {self._parameters().tolist()}"
            )
        self._store = Reservoir(**restored)

    def _parameters(self) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        rows = (self.sample_rows, self.reservoir_rows, self.memory_rows, self.warm_up_rows)
        return np.array([self.n_trees, *rows, self.seed], np.int64)

    def _run(self, x: F64Matrix, *, learn: bool) -> F64Vector:
        rows = np.ascontiguousarray(x, np.float64)
        if self._store is None:
            if not learn:
                return np.full(len(rows), np.nan)
            self._store = self._empty(rows.shape[1])
        features = self._store.rows.shape[1]
        if rows.shape[1] != features:
            raise ValueError(f"a row has {rows.shape[1]} features, the first one had {features}")
        keep_share = self.reservoir_rows / self.memory_rows
        return run(rows, self._store, self.warm_up_rows // 2, self.warm_up_rows, self.sample_rows, keep_share, learn)

    def _empty(self, features: int) -> Reservoir:
        """Nothing learned."""
        height = (self.sample_rows - 1).bit_length()
        progress = np.zeros(PLACES, np.int64)
        progress[NEXT] = self.warm_up_rows // 2
        return Reservoir(
            rows=np.full((self.reservoir_rows, features), np.nan),
            ordered=np.full((features, self.reservoir_rows), np.inf),
            present=np.zeros(features, np.int64),
            spread=np.zeros(features),
            near=np.zeros((features, _NEAR_ROWS)),
            feature=np.zeros((self.n_trees, 2**height - 1), np.int16),
            threshold=np.full((self.n_trees, 2**height - 1), np.inf),
            path=np.zeros((self.n_trees, 2**height)),
            usual=np.zeros((2, VIEWS)),
            rng=np.array([self.seed], np.uint64),
            progress=progress,
        )
