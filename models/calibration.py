r"""Raw scores of any scale -> [0, 1], the same for every detector: how rarely one is so odd.

Each raw score s is ranked among the last n scores of its own detector (the reference):

    p = (1 + #{reference >= s}) / (1 + n),     score = 1 - p

If the score is exchangeable with its reference, P(score >= 1 - a) <= a for every a, with equality (up to the
grid of 1 / (1 + n)) where scores do not tie: 0.999 means one normal row in a thousand, whatever the detector.
This is a conformal p-value against a sliding reference. No score can exceed n / (1 + n).

A burst of anomalies must not become normal, yet a new level must. Leaving out every small p does not do: the
tail is cut off again and again, each time a little lower (measured: after 100 references of honest rows, 70 %
of them counted as the rarest 1 %). So rows with p <= `suspect_p` are held back, and their company decides:

* fewer than `burst_rows` of them until it is calm again: chance, as it happens; they are learned now;
* at least that many: a burst; they are dropped;
* `adopt_rows` of them and still not calm: a new level; they are learned, and all that follow, until calm.

Calm is after 1 / (4 suspect_p) rows in a row above `suspect_p`. Among independent honest rows, eight suspects
with no calm between are 0.02 % of all suspects, so the tail stays whole.

Caveats: scores that depend on their predecessors come in bursts by themselves, and look rarer than they are
(at correlation 0.9, 0.36 % of the rows scored 0.999). Anomalies spread so thin that it is calm between them
(under about one row in ten, by default) are learned, and are the new normal.

Sources: Vovk, Gammerman and Shafer, Algorithmic Learning in a Random World (2005), ch. 2; Laxhammar and
Falkman, Sequential Conformal Anomaly Detection (2011).
"""

from __future__ import annotations

import math
from typing import Annotated, Final

import numba
import numpy as np
from pydantic import ConfigDict, Field
from pydantic.dataclasses import dataclass

from models.detector import State, same_shape
from models.sliding_rank import F64Matrix, F64Vector, I64Vector, blocks_of, let_in, locate

COUNT, NEXT, USED, HELD, CALM, ADOPTING, PLACES = range(7)
"""Places in `place`: rows in the ring, where the next one goes, blocks in use (see `models.sliding_rank`);
rows held back, rows since the last suspect, and whether suspects are being learned."""

_CALM_SHARE: Final = 0.25


@numba.njit(cache=True)
def _settle(place: I64Vector, held: F64Vector, burst_rows: int, calm_rows: int) -> int:
    """Decide what becomes of the rows held back; how many of them are to be learned now."""
    n, full, calm = place[HELD], place[HELD] == len(held), place[CALM] >= calm_rows
    if full or calm:
        place[HELD] = 0
        place[ADOPTING] = 1 if full else 0
    return n if full or (calm and n < burst_rows) else 0


@numba.njit(cache=True)
def _calibrate(
    raw: F64Vector,
    ring: F64Vector,
    blocks: F64Matrix,
    top: F64Vector,
    size: I64Vector,
    order: I64Vector,
    held: F64Vector,
    place: I64Vector,
    least: int,
    suspect_p: float,
    burst_rows: int,
    calm_rows: int,
    learn: bool,
) -> F64Vector:
    """Score each row on the reference before it; then, with `learn`, take it in."""
    scores = np.full(len(raw), np.nan)
    count, next_, used = place[COUNT], place[NEXT], place[USED]
    for i in range(len(raw)):
        s = raw[i]
        if math.isnan(s):
            continue
        block, at, below = locate(s, used, blocks, top, size, order)
        p = (1 + count - below) / (1 + count)
        if count >= least:
            scores[i] = 1.0 - p
        if not learn:
            continue
        suspect = count >= least and p <= suspect_p
        place[CALM] = 0 if suspect else place[CALM] + 1
        if suspect and not place[ADOPTING]:
            held[place[HELD]] = s
            place[HELD] += 1
        else:
            count, next_, used = let_in(s, block, at, count, next_, used, ring, blocks, top, size, order)
        if place[HELD] or place[ADOPTING]:
            for k in range(_settle(place, held, burst_rows, calm_rows)):
                block, at, _ = locate(held[k], used, blocks, top, size, order)
                count, next_, used = let_in(held[k], block, at, count, next_, used, ring, blocks, top, size, order)
    place[COUNT], place[NEXT], place[USED] = count, next_, used
    return scores


@dataclass(config=ConfigDict(extra="forbid"), kw_only=True)
class Calibration:
    """Calibrates the scores of one detector, row by row in the order of the stream.

    NaN (the detector has no opinion) stays NaN and is not learned. No opinion before `min_reference_rows`.
    Where the stream was cut into calls has no effect. Memory: 33 bytes a row of the reference.

    Parameters
    ----------
    reference_rows
        Scores of which the reference consists; the finest p is 1 / (1 + reference_rows).
    min_reference_rows
        Scores before the first opinion.
    suspect_p
        Rows this rare are held back; 0 to learn every row at once.
    burst_rows
        Suspects without a calm between, from which they are a burst.
    adopt_rows
        Suspects without a calm between, from which they are a new level.

    >>> calibration = Calibration(reference_rows=1000)
    >>> usual = np.random.default_rng(1).normal(size=2000)
    >>> scores = calibration.score_learn(usual)
    >>> bool(np.isnan(scores[199])), bool(np.isnan(scores[200]))
    (True, False)
    >>> calibration.score(np.array([0.0, 2.0, 9.0])).round(2).tolist()
    [0.5, 0.96, 1.0]
    """

    reference_rows: Annotated[int, Field(ge=10, le=1_000_000)] = 5_000
    min_reference_rows: Annotated[int, Field(ge=1)] = 200
    suspect_p: Annotated[float, Field(ge=0.0, le=0.2)] = 0.01
    burst_rows: Annotated[int, Field(ge=2)] = 8
    adopt_rows: Annotated[int, Field(ge=2, le=100_000)] = 200

    def __post_init__(self) -> None:
        """Start with an empty reference."""
        if self.min_reference_rows > self.reference_rows:
            raise ValueError(
                f"min_reference_rows is {self.min_reference_rows}, reference_rows only {self.reference_rows}"
            )
        if self.burst_rows > self.adopt_rows:
            raise ValueError(f"burst_rows is {self.burst_rows}, adopt_rows only {self.adopt_rows}")
        self._held, self._place = np.zeros(self.adopt_rows), np.zeros(PLACES, np.int64)
        self._hold(np.zeros(self.reference_rows))

    def _hold(self, ring: F64Vector) -> None:
        """Sort the reference into blocks."""
        self._ring = ring
        self._place[USED], self._blocks = blocks_of(ring[: self._place[COUNT]], self.reference_rows)

    @property
    def calm_rows(self) -> int:
        """Rows in a row above `suspect_p` after which it is calm."""
        return max(1, round(_CALM_SHARE / self.suspect_p)) if self.suspect_p else 1

    def score(self, raw: F64Vector) -> F64Vector:
        """Score each row on the reference as it is now. Changes nothing."""
        return self._run(raw, learn=False)

    def score_learn(self, raw: F64Vector) -> F64Vector:
        """Score each row on the reference before it, then learn it."""
        return self._run(raw, learn=True)

    def _run(self, raw: F64Vector, *, learn: bool) -> F64Vector:
        return _calibrate(
            np.ascontiguousarray(raw, np.float64),
            self._ring,
            *self._blocks,
            self._held,
            self._place,
            self.min_reference_rows,
            self.suspect_p,
            self.burst_rows,
            self.calm_rows,
            learn,
        )

    def get_state(self) -> State:
        """Copy the reference, the rows held back, and the counters."""
        return {"ring": self._ring.copy(), "held": self._held.copy(), "place": self._place.copy()}

    def set_state(self, state: State) -> None:
        """Go on from a state of the same parameters, as if never stopped."""
        restored = same_shape(state, self.get_state(), "Calibration")
        self._held, self._place = restored["held"], restored["place"]
        self._hold(restored["ring"])
