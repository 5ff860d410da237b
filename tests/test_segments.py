"""What explains a group of orders: a share that chance does not give, however many values were tried."""

from __future__ import annotations

from collections import Counter

import numpy as np
import pytest
from scipy import stats

from stream.segments import chance, explain

CHANNELS = np.array([0.46, 0.26, 0.19, 0.06, 0.03])
VERSIONS = np.full(40, 1 / 40)


@pytest.mark.parametrize(
    ("hits", "n", "known", "total"),
    [(3, 3, 0, 0), (3, 3, 500, 1000), (50, 50, 37, 1200), (40, 60, 9, 20), (900, 1000, 85_000, 100_000), (1, 9, 0, 7)],
)
def test_the_chance_is_the_beta_binomial_tail(hits, n, known, total):
    expected = stats.betabinom.pmf(np.arange(hits, n + 1), n, known + 1, total - known + 1).sum()
    assert chance(hits, n, known, total) == pytest.approx(expected, rel=1e-6)


def drawn(rng, shares, n):
    return Counter({f"v{i}": int(count) for i, count in enumerate(rng.multinomial(n, shares)) if count})


def test_groups_that_are_like_all_orders_are_hardly_ever_explained():
    rng, explained = np.random.default_rng(1), 0
    for _ in range(3_000):
        n, day = int(rng.integers(3, 60)), int(rng.integers(20, 3_000))
        affected = {"channel": drawn(rng, CHANNELS, n), "client_version": drawn(rng, VERSIONS, n)}
        usual = {"channel": drawn(rng, CHANNELS, day), "client_version": drawn(rng, VERSIONS, day)}
        explained += bool(explain(affected, n, usual))
    assert explained <= stats.binom.ppf(0.999, 3_000, 0.01)


def test_a_cause_is_found_in_a_dozen_orders():
    rng = np.random.default_rng(2)
    usual = {"channel": drawn(rng, CHANNELS, 2_000), "client_version": drawn(rng, VERSIONS, 2_000)}
    affected = {"channel": drawn(rng, CHANNELS, 12), "client_version": Counter(v7=12)}
    assert [(one.dimension, one.value, one.share) for one in explain(affected, 12, usual)] == [
        ("client_version", "v7", 1.0)
    ]


def test_what_has_no_usual_share_explains_nothing():
    assert explain({"carrier": Counter(SF=50)}, 50, {"channel": Counter(app=9)}) == []
    assert explain({"channel": Counter(app=50)}, 50, {"channel": Counter()}) == []
