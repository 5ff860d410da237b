"""The contract of `models.detector` as checks that run: against every detector here, and against yours.

>>> from models.detectors.half_space_trees import HalfSpaceTrees
>>> for name, check in check_detector(HalfSpaceTrees):   # in a notebook, while you write a detector
...     check()                                          # raises AssertionError, saying what was found
"""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import Callable, Iterator
from functools import partial
from typing import Final

import numpy as np

from features.state import State
from models.detector import LARGEST, Detector, F64Matrix, F64Vector, StateNotPortable

Factory = Callable[[], Detector]

FEATURES: Final = 4
READY_ROWS: Final = 5_000  # a detector that has no opinion by then is of no use
_BATCH: Final = 250
_FAR: Final = 12.0  # standard deviations at which an anomaly is planted
_SLACK_BYTES: Final = 200_000  # what Python itself may keep while more rows pass
_SLACK_SHARE: Final = 1.25  # a model refitted on other rows is not of the same size to the byte


def check_detector(factory: Factory) -> Iterator[tuple[str, Callable[[], None]]]:
    """Every check of the contract, by name and ready to be called.

    `factory` makes a detector of fixed parameters. The rows have `FEATURES` columns, and some miss a value.
    """
    for check in _CHECKS:
        yield check.__name__.removeprefix("_"), partial(check, factory)


def rows_of(n: int, seed: int, *, missing: float = 0.0) -> F64Matrix:
    """Make `n` ordinary rows, of which a share `missing` of the values is NaN."""
    rng = np.random.default_rng(seed)
    x = rng.normal(size=(n, FEATURES)) * [1.0, 1.0, 5.0, 0.2] + [0.0, 3.0, 0.0, 1.0]
    x[rng.random(x.shape) < missing] = np.nan
    return x


def _ready(factory: Factory) -> Detector:
    detector, probe = factory(), rows_of(1, seed=99)
    for seed in range(READY_ROWS // _BATCH):
        detector.learn(rows_of(_BATCH, seed))
        if not np.isnan(detector.score(probe)).any():
            return detector
    raise AssertionError(f"no opinion after {READY_ROWS} rows")


def _same(a: F64Vector, b: F64Vector, what: str) -> None:
    if a.tobytes() != b.tobytes():
        first = int((~((a == b) | (np.isnan(a) & np.isnan(b)))).nonzero()[0][0])
        raise AssertionError(f"{what}: row {first} scores {a[first]!r} and {b[first]!r}")


def _has_no_opinion_before_it_learned(factory: Factory) -> None:
    scores = factory().score(rows_of(5, seed=1))
    assert np.isnan(scores).all(), f"scores {scores} before any row was learned"


def _has_an_opinion_in_time_on_every_full_row(factory: Factory) -> None:
    scores = _ready(factory).score(rows_of(200, seed=2))
    assert scores.shape == (200,), f"200 rows give scores of shape {scores.shape}"
    assert scores.dtype == np.float64, f"scores are {scores.dtype}"
    assert np.isfinite(scores).all(), f"{np.sum(~np.isfinite(scores))} of 200 scores are not finite"


def _scores_no_rows(factory: Factory) -> None:
    detector = _ready(factory)
    for scores in (detector.score(rows_of(0, seed=1)), detector.score_learn(rows_of(0, seed=1))):
        assert scores.shape == (0,), f"no rows give scores of shape {scores.shape}"


def _scoring_changes_nothing(factory: Factory) -> None:
    asked, silent, x = _ready(factory), _ready(factory), rows_of(100, seed=3, missing=0.1)
    _same(asked.score(x), asked.score(x), "scored twice")
    _same(asked.score_learn(x), silent.score_learn(x), "asked before, and not")


def _leaves_its_input_alone(factory: Factory) -> None:
    detector, x = _ready(factory), rows_of(100, seed=4, missing=0.1)
    before = x.copy()
    detector.score_learn(x)
    assert x.tobytes() == before.tobytes(), "x was changed"
    expected = detector.score(before)
    x[:] = 0.0
    _same(detector.score(before), expected, "x overwritten by its owner")


def _same_parameters_give_the_same_scores(factory: Factory) -> None:
    a, b, x = _ready(factory), _ready(factory), rows_of(300, seed=5, missing=0.05)
    _same(a.score_learn(x), b.score_learn(x), "two detectors")


def _cutting_anywhere_changes_no_bit(factory: Factory) -> None:
    x = rows_of(200, seed=6, missing=0.05)
    whole = _ready(factory).score_learn(x)
    for cuts in ([1], [7, 100, 101, 199], range(10, 200, 10)):
        detector = _ready(factory)
        parts = [detector.score_learn(part) for part in np.split(x, cuts)]
        _same(whole, np.concatenate(parts), f"one batch, and {len(cuts) + 1}")


def _score_learn_is_score_then_learn_row_by_row(factory: Factory) -> None:
    x = rows_of(60, seed=7, missing=0.05)
    _same(_ready(factory).score_learn(x), Detector.score_learn(_ready(factory), x), "one pass, and the loop")


def _learning_alone_teaches_the_same(factory: Factory) -> None:
    a, b, x = _ready(factory), _ready(factory), rows_of(300, seed=8, missing=0.05)
    a.learn(x)
    b.score_learn(x)
    _same(a.score(x), b.score(x), "learned, and scored and learned")


def _goes_on_from_its_state_bit_for_bit(factory: Factory) -> None:
    stopped, fresh, x = _ready(factory), factory(), rows_of(300, seed=9, missing=0.05)
    try:
        state = stopped.get_state()
    except StateNotPortable:
        return  # to refuse is allowed; to restore something else is not
    expected = stopped.score_learn(x)
    fresh.set_state(_through_a_file(state))
    _same(expected, fresh.score_learn(x), "never stopped, and restored")
    again = factory()
    again.set_state(state)
    _same(expected, again.score_learn(x), "never stopped, and restored from a state that was kept")


def _through_a_file(state: State) -> State:
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **state)
    file.seek(0)
    with np.load(file, allow_pickle=False) as arrays:
        return dict(arrays.items())


def _memory_stays_bounded(factory: Factory) -> None:
    tracemalloc.start()
    try:
        detector = _ready(factory)
        _feed(detector, batches=4, seed=100)
        before = tracemalloc.get_traced_memory()[0]
        _feed(detector, batches=12, seed=200)
        after = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert after <= before * _SLACK_SHARE + _SLACK_BYTES, f"{before} bytes, then {after} after more rows"


def _feed(detector: Detector, batches: int, seed: int) -> None:
    for i in range(batches):
        detector.score_learn(rows_of(_BATCH, seed + i))


def _ranks_a_planted_anomaly_above_the_median(factory: Factory) -> None:
    detector, usual = _ready(factory), rows_of(500, seed=10)
    centre, spread = usual.mean(axis=0), usual.std(axis=0)
    planted = detector.score(np.stack([centre + _FAR * spread, centre - _FAR * spread]))
    median = np.median(detector.score(usual))
    assert planted.max() > median, f"planted on both sides: {planted}, median of ordinary rows: {median}"


def _a_row_without_a_finite_value_is_passed_over(factory: Factory) -> None:
    x = rows_of(120, seed=11)
    gaps = np.insert(x, [0, 50, 50, 120], np.nan, axis=0)
    empty = np.isnan(gaps).all(axis=1)
    scores = _ready(factory).score_learn(gaps)
    assert np.isnan(scores[empty]).all(), f"rows of NaN score {scores[empty]}"
    _same(scores[~empty], _ready(factory).score_learn(x), "with rows of NaN in between, and without")


def _a_value_beyond_all_measure_counts_as_missing(factory: Factory) -> None:
    missing = rows_of(100, seed=12, missing=0.2)
    absurd = np.resize([np.inf, -np.inf, 1e308, -2 * LARGEST], missing.shape)
    absurd = np.where(np.isnan(missing), absurd, missing)
    _same(_ready(factory).score_learn(missing), _ready(factory).score_learn(absurd), "NaN, and 1e308")


def _the_largest_values_break_nothing(factory: Factory) -> None:
    detector, x = _ready(factory), rows_of(60, seed=13)
    x[::7, 0], x[::11, 1], x[3, :] = LARGEST, -LARGEST, LARGEST
    scores = detector.score_learn(x)
    assert not np.isinf(scores).any(), "a score is infinite"
    after = detector.score(rows_of(50, seed=14))
    assert np.isfinite(after).all(), f"afterwards {np.sum(~np.isfinite(after))} of 50 rows score NaN or infinite"


_CHECKS: Final = (
    _has_no_opinion_before_it_learned,
    _has_an_opinion_in_time_on_every_full_row,
    _scores_no_rows,
    _scoring_changes_nothing,
    _leaves_its_input_alone,
    _same_parameters_give_the_same_scores,
    _cutting_anywhere_changes_no_bit,
    _score_learn_is_score_then_learn_row_by_row,
    _learning_alone_teaches_the_same,
    _goes_on_from_its_state_bit_for_bit,
    _memory_stays_bounded,
    _ranks_a_planted_anomaly_above_the_median,
    _a_row_without_a_finite_value_is_passed_over,
    _a_value_beyond_all_measure_counts_as_missing,
    _the_largest_values_break_nothing,
)
