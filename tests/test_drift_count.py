"""A drift part at work: means by pane, whoever was read first, and one verdict for a new level."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from features.batch import Column
from features.tabulate import nothing
from models.drift_count import DriftCount
from models.drifts.feature_drift import FeatureDrift

PANE_MS = 60_000


def counting() -> DriftCount:
    return DriftCount("feature_drift", 1.0, FeatureDrift(min_rows=20), ("margin",))


def sums_of(values: np.ndarray, panes: np.ndarray) -> dict[str, np.ndarray]:
    """The sums that a batch of orders with these margins leaves."""
    batch = nothing()
    batch.created.at = np.arange(len(values))
    batch.columns["margin"] = Column.of(values)
    batch.columns["margin"].level = "created"
    return counting().sums(batch, panes)


def year(new_level: float) -> tuple[np.ndarray, np.ndarray]:
    """Margins of 25 orders a pane, at a new level from pane 100 on."""
    panes = np.repeat(np.arange(160), 25)
    values = np.random.default_rng(3).normal(0.3, 0.05, len(panes))
    values[panes >= 100] += new_level
    return values, panes


def verdicts(count: DriftCount) -> list[tuple[str, int, float]]:
    told = (verdict for pane in range(165) for verdict in count.close(pane * PANE_MS, PANE_MS, 0))
    return [(verdict.entity, verdict.time_ms // PANE_MS, verdict.signals[0].observed) for verdict in told]


def test_a_margin_that_has_shrunk_is_told_once_and_where_it_is_now() -> None:
    count = counting()
    count.add(sums_of(*year(-0.1)))
    [(entity, pane, now)] = verdicts(count)
    assert entity == "margin"
    assert 100 < pane < 115
    assert abs(now - 0.2) < 0.03


def test_a_margin_that_stays_is_not_told() -> None:
    count = counting()
    count.add(sums_of(*year(0.0)))
    assert verdicts(count) == []


@settings(max_examples=20, deadline=None)
@given(cuts=st.lists(st.integers(0, 4000), max_size=5), seed=st.integers(0, 99))
def test_neither_cuts_nor_the_order_of_reading_change_a_bit(cuts: list[int], seed: int) -> None:
    values, panes = year(-0.1)
    whole, pieces = counting(), counting()
    whole.add(sums_of(values, panes))
    edges = list(pairwise(sorted({0, len(values), *cuts})))
    for start, end in np.random.default_rng(seed).permutation(edges).tolist():
        pieces.add(sums_of(values[start:end], panes[start:end]))
    assert verdicts(pieces) == verdicts(whole)


def test_values_without_a_number_are_no_values() -> None:
    values, panes = year(-0.1)
    holes, count = np.insert(values, 0, np.nan), counting()
    count.add(sums_of(holes, np.insert(panes, 0, 0)))
    assert len(verdicts(count)) == 1
