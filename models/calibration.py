r"""Raw scores of any scale -> [0, 1], the same for every detector: how rarely one is so odd.

Each raw score s is ranked among the last n scores of its own detector (the reference):

    p = (1 + #{reference >= s}) / (1 + n),     score = 1 - p

If the score is exchangeable with its reference, P(score >= 1 - a) <= a for every a, with equality (up to the
grid of 1 / (1 + n)) where scores do not tie: 0.999 means one normal row in a thousand, whatever the detector.
This is a conformal p-value against a sliding reference. No score can exceed n / (1 + n).

A burst of anomalies must not become normal, yet a new level must. Leaving out every small p does not do: the
tail is then cut off again and again, each time a little lower, until ordinary rows count as rare. So rows
with p <= `suspect_p` are held back, and their company decides:

* fewer than `burst_rows` of them until it is calm again: chance, as it happens; they are learned now;
* at least that many: a burst; they are dropped;
* `adopt_rows` of them and still not calm: a new level; they are learned, and all that follow, until calm.

Calm is after 1 / (4 suspect_p) rows in a row above `suspect_p`. Among honest rows, eight suspects without a
calm between are so rare (0.02 % of suspects) that the tail stays whole.

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
from models.sliding_rank import (
    MERGE_EVERY,
    STEP,
    F64Matrix,
    F64Vector,
    I64Vector,
    merge,
    oldest_first,
    smaller,
    smaller_sorted,
)

COUNT, OLDEST, SIDE, WAITING, HELD, CALM, ADOPTING, PLACES = range(8)
"""Places in `place`: values in the ring, where the oldest stands, which row of `ordered` is the sorted one,
rows learned but not merged yet, rows held back, rows since the last suspect, whether suspects are learned."""

_CALM_SHARE: Final = 0.25


@numba.njit(cache=True)
def _merge(
    ring: F64Vector, ordered: F64Matrix, signposts: F64Vector, waiting: F64Vector, place: I64Vector
) -> None:
    """Bring ring and sorted array up to date with the rows waiting."""
    count, oldest, side, n = place[COUNT], place[OLDEST], place[SIDE], place[WAITING]
    left = np.empty(max(0, count + n - len(ring)))
    oldest_first(ring, oldest, left)
    for k in range(n):
        ring[(oldest + count + k) % len(ring)] = waiting[k]
    left.sort()
    new = ordered[1 - side]
    count = merge(ordered[side], signposts, count, np.sort(waiting[:n]), left, new)
    for k in range(0, count, STEP):
        signposts[k // STEP] = new[k]
    place[COUNT], place[OLDEST], place[SIDE], place[WAITING] = (
        count,
        (oldest + len(left)) % len(ring),
        1 - side,
        0,
    )


@numba.njit(cache=True)
def _settle(
    held: F64Vector, place: I64Vector, calm: bool, burst_rows: int, waiting: F64Vector, n: int
) -> int:
    """Decide what becomes of the rows held back; those learned go to waiting[n:]. Returns their new end."""
    full = place[HELD] == len(held)
    if full or (calm and place[HELD] < burst_rows):
        for k in range(place[HELD]):
            waiting[n + k] = held[k]
        n += place[HELD]
    if full or calm:
        place[HELD] = 0
        place[ADOPTING] = 1 if full else 0
    return n


@numba.njit(cache=True)
def _calibrate(
    raw: F64Vector,
    ring: F64Vector,
    ordered: F64Matrix,
    signposts: F64Vector,
    waiting: F64Vector,
    held: F64Vector,
    place: I64Vector,
    least: int,
    suspect_p: float,
    burst_rows: int,
    calm_rows: int,
    learn: bool,
) -> F64Vector:
    """Score each row on the reference before it; then, with `learn`, take it in."""
    scores, leaving = np.full(len(raw), np.nan), np.empty(len(waiting))
    for start in range(0, len(raw), MERGE_EVERY):
        stretch = raw[start : start + MERGE_EVERY]
        count, n, calm = place[COUNT], place[WAITING], place[CALM]
        oldest_first(ring, place[OLDEST], leaving)
        sorted_ = ordered[place[SIDE]]
        for j in range(len(stretch)):
            s = stretch[j]
            if math.isnan(s):
                continue
            size = min(count + n, len(ring))
            below = smaller_sorted(s, sorted_, count, signposts)
            below += smaller(s, waiting, n) - smaller(s, leaving, count + n - size)
            p = (1 + size - below) / (1 + size)
            if size >= least:
                scores[start + j] = 1.0 - p
            if not learn:
                continue
            suspect = size >= least and p <= suspect_p
            calm = 0 if suspect else calm + 1
            if suspect and not place[ADOPTING]:
                held[place[HELD]] = s
                place[HELD] += 1
            else:
                waiting[n] = s
                n += 1
            if place[HELD] or place[ADOPTING]:
                n = _settle(held, place, calm >= calm_rows, burst_rows, waiting, n)
        place[WAITING], place[CALM] = n, calm
        if n >= MERGE_EVERY:
            _merge(ring, ordered, signposts, waiting, place)
    return scores


@dataclass(config=ConfigDict(extra="forbid"), kw_only=True)
class Calibration:
    """Calibrates the scores of one detector, row by row in the order of the stream.

    NaN (the detector has no opinion) stays NaN and is not learned. No opinion before `min_reference_rows`.
    Where the stream was cut into calls has no effect. Memory: 24 bytes a row of the reference, and 8 kB.

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
    >>> bool(np.isnan(scores[199])), round(float(np.mean(scores[200:] >= 0.95)), 2)
    (True, 0.05)
    >>> [round(float(score), 3) for score in calibration.score(np.array([0.0, 2.0, 9.0]))]
    [0.522, 0.974, 0.999]
    """

    reference_rows: Annotated[int, Field(ge=1, le=1_000_000)] = 5_000
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
        room = 2 * MERGE_EVERY + self.adopt_rows
        if room > self.reference_rows:
            raise ValueError(
                f"reference_rows is {self.reference_rows}: at least {room} with adopt_rows {self.adopt_rows}"
            )
        self._ring, self._ordered = np.zeros(self.reference_rows), np.zeros((2, self.reference_rows))
        self._signposts = np.zeros(1 + self.reference_rows // STEP)
        self._waiting, self._held = np.zeros(room), np.zeros(self.adopt_rows)
        self._place = np.zeros(PLACES, np.int64)

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
            self._ordered,
            self._signposts,
            self._waiting,
            self._held,
            self._place,
            self.min_reference_rows,
            self.suspect_p,
            self.burst_rows,
            self.calm_rows,
            learn,
        )

    def get_state(self) -> State:
        """Copy the reference, the rows waiting and held back, and the counters."""
        state = {"ring": self._ring, "waiting": self._waiting, "held": self._held, "place": self._place}
        return {name: array.copy() for name, array in state.items()}

    def set_state(self, state: State) -> None:
        """Go on from a state of the same parameters, as if never stopped."""
        restored = same_shape(state, self.get_state(), "Calibration")
        self._ring, self._waiting = restored["ring"], restored["waiting"]
        self._held, self._place = restored["held"], restored["place"]
        count = self._place[COUNT]
        ordered = np.sort(self._ring[:count])
        self._ordered[self._place[SIDE], :count] = ordered
        self._signposts[: len(ordered[::STEP])] = ordered[::STEP]
