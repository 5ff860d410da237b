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

A new level of which one row in ten is a suspect is never without a calm for so long, and would be dropped for ever.
So bursts that follow each other without a long calm, of 1 / suspect_p rows, are counted together: when they
amount to `adopt_rows`, suspects are learned until that long calm comes.

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

from features.state import State
from models.detector import same_shape
from models.sliding_tail import (
    BEYOND,
    COUNT,
    LEVEL,
    NEXT,
    TAIL,
    F64Vector,
    I64Vector,
    gather,
    is_short,
    learn,
    smaller,
    tail_rows,
)
from models.warm_up import WarmUp

HELD, CALM, ADOPTING, DROPPED, PLACES = range(5, 10)
"""Places in `place`, behind those of `models.sliding_tail`: rows held back, rows since the last suspect, whether
suspects are being learned (until a calm, or a long one), and rows dropped since the last long calm."""

_UNTIL_CALM, _UNTIL_LONG_CALM = 1, 2
_CALM_SHARE: Final = 0.25
_LONG: Final = 4  # a long calm, in calms
_NEVER: Final = np.iinfo(np.int64).max


@numba.njit(cache=True, error_model="numpy")
def _settle(place: I64Vector, held: F64Vector, burst_rows: int, calm_rows: int) -> int:
    """Decide what becomes of the rows held back; how many of them are to be learned now."""
    n, full, calm = place[HELD], place[HELD] == len(held), place[CALM] >= calm_rows
    long_calm = place[CALM] >= _LONG * calm_rows
    if long_calm:
        place[DROPPED] = 0
    if long_calm or (calm and place[ADOPTING] == _UNTIL_CALM):
        place[ADOPTING] = 0
    if full:
        place[ADOPTING] = _UNTIL_CALM
    elif not calm or not n:
        return 0
    elif n >= burst_rows:
        place[DROPPED] += n
        if place[DROPPED] >= len(held):
            place[ADOPTING] = _UNTIL_LONG_CALM
    place[HELD] = 0
    return n if full or n < burst_rows or place[ADOPTING] else 0


@numba.njit(cache=True, error_model="numpy")
def _next_calm(place: I64Vector, calm_rows: int) -> int:
    """The length of the calm at which something is to be decided."""
    if place[CALM] < calm_rows and (place[HELD] or place[ADOPTING] == _UNTIL_CALM):
        return calm_rows
    return _LONG * calm_rows if place[ADOPTING] or place[DROPPED] else _NEVER


@numba.njit(cache=True, error_model="numpy")
def _pass_ordinary(
    raw: F64Vector, start: int, ring: F64Vector, tail: F64Vector, place: I64Vector, calm_rows: int, least: int
) -> int:
    """Learn the rows from `start` on for which the tail need not be touched; the first row that is another."""
    if place[TAIL] == place[COUNT]:
        i = start
        while i < len(raw) and math.isnan(raw[i]):
            i += 1
        return i
    fence, count, at, calm, i = tail[0], place[COUNT], place[NEXT], place[CALM], start
    level, spare = place[LEVEL], place[BEYOND] - min(least, count)
    last_calm = _next_calm(place, calm_rows) - 1
    while i < len(raw):
        s = raw[i]
        if not math.isnan(s):
            full = count == len(ring)
            if s > fence or (full and ring[at] > fence) or calm >= last_calm or level + spare < 1:
                break
            level += (1 if s == fence else 0) - (1 if full and ring[at] == fence else 0)
            ring[at] = s
            at = at + 1 if at + 1 < len(ring) else 0
            count += 0 if full else 1
            calm += 1
        i += 1
    place[COUNT], place[NEXT], place[CALM], place[LEVEL] = count, at, calm, level
    return i


@numba.njit(cache=True, error_model="numpy")
def _calibrate(
    raw: F64Vector,
    start: int,
    scores: F64Vector,
    ring: F64Vector,
    tail: F64Vector,
    held: F64Vector,
    place: I64Vector,
    tail_least: int,
    at_least: float,
    reference_least: int,
    suspect_p: float,
    burst_rows: int,
    calm_rows: int,
) -> int:
    """Score each row from `start` on by the reference before it, then take it in.

    A row that the tail does not rank is ordinary. Returns where it stopped: at the end, or ~ that for want of a tail.
    """
    scores[start:] = math.nan
    i = _pass_ordinary(raw, start, ring, tail, place, calm_rows, tail_least)
    while i < len(raw):
        s, count, n, suspect = raw[i], place[COUNT], place[TAIL], False
        if count >= reference_least and (n == count or s > tail[0]):
            p = (1 + n - smaller(s, tail, n)) / (1 + count)
            suspect = p <= suspect_p
            if 1.0 - p >= at_least:
                scores[i] = 1.0 - p
        place[CALM] = 0 if suspect else place[CALM] + 1
        if suspect and not place[ADOPTING]:
            held[place[HELD]] = s
            place[HELD] += 1
        else:
            learn(s, ring, tail, place)
        if place[HELD] or place[ADOPTING] or place[DROPPED]:
            for k in range(_settle(place, held, burst_rows, calm_rows)):
                learn(held[k], ring, tail, place)
        i += 1
        if is_short(place, tail_least):
            break
        i = _pass_ordinary(raw, i, ring, tail, place, calm_rows, tail_least)
    return ~i if is_short(place, tail_least) else i


@dataclass(config=ConfigDict(extra="forbid"), kw_only=True)
class Calibration:
    """Calibrates the scores of one detector, row by row in the order of the stream.

    NaN (the detector has no opinion) stays NaN and is not learned. No opinion before `min_reference_rows`.
    Where the stream was cut into calls has no effect. Memory: 8 bytes a row of the reference, and 8 a row of the
    greatest few per cent of it, which are kept sorted; all of it, if every score is asked for.

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
        self._ring, self._at_least = np.zeros(self.reference_rows), 1.0
        self.calm_rows = max(1, round(_CALM_SHARE / self.suspect_p)) if self.suspect_p else 1
        self._keep(1.0)

    def _keep(self, at_least: float) -> None:
        """Keep as much of the reference sorted as it takes to know the suspects, and scores of `at_least`."""
        self._at_least = min(self._at_least, at_least)
        share = max(self.suspect_p, 1.0 - self._at_least)
        self._tail_least, rows = tail_rows(share, self.reference_rows)
        self._tail = np.zeros(rows)
        gather(self._ring, self._tail, self._place)

    @property
    def warm_up(self) -> WarmUp:
        """Scores learned, of those that it takes to have an opinion."""
        return WarmUp(int(self._place[COUNT]), self.min_reference_rows, "scores")

    def score(self, raw: F64Vector) -> F64Vector:
        """Score each row on the reference as it is now. Changes nothing."""
        count = int(self._place[COUNT])
        if count < self.min_reference_rows:
            return np.full(len(raw), np.nan)
        below = np.searchsorted(np.sort(self._ring[:count]), raw)
        return np.where(np.isnan(raw), np.nan, 1.0 - (1 + count - below) / (1 + count))

    def score_learn(self, raw: F64Vector, at_least: float = 0.0) -> F64Vector:
        """Score each row on the reference before it, then learn it.

        A score below `at_least` is not worked out, and NaN: who waits for 0.99 or more pays for the ranks of the
        greatest hundredth alone, a few nanoseconds a row. What is learned does not depend on it.
        """
        if at_least < self._at_least:
            self._keep(at_least)
        rows = np.ascontiguousarray(raw, np.float64)
        scores, done = np.empty(len(rows)), 0
        while done < len(rows):
            done = _calibrate(
                rows, done, scores, self._ring, self._tail, self._held, self._place, self._tail_least, at_least,
                self.min_reference_rows, self.suspect_p, self.burst_rows, self.calm_rows,
            )  # fmt: skip
            if done < 0:
                done = ~done
                gather(self._ring, self._tail, self._place)
        return scores

    def get_state(self) -> State:
        """Copy the reference, the rows held back, and the counters; how long the tail is just then is none of it."""
        place = self._place.copy()
        place[TAIL] = place[BEYOND] = place[LEVEL] = 0
        return {"ring": self._ring.copy(), "held": self._held.copy(), "place": place}

    def set_state(self, state: State) -> None:
        """Go on from a state of the same parameters, as if never stopped."""
        restored = same_shape(state, self.get_state(), "Calibration")
        self._ring, self._held, self._place = restored["ring"], restored["held"], restored["place"]
        self._keep(self._at_least)
