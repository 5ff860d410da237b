"""The baseline of many keys with few orders each."""

from __future__ import annotations

import numpy as np

from models.volume import SURGE, Findings, SparseVolume
from tests.volume_traffic import DAY, NONE, usual


def catalogue(per_minute: float, days: int, keys: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and panes of orders of products whose popularity follows Zipf's law."""
    rng = np.random.default_rng(seed)
    panes = np.repeat(np.arange(days * DAY), rng.poisson(usual(per_minute, days)))
    popularity = 1 / np.arange(1, keys + 1)
    return rng.choice(keys, len(panes), p=popularity / popularity.sum()), panes


NOON = 9 * DAY + 12 * 60
NEW = 20_000


def sparse_with(extra_panes: np.ndarray, row: int = NEW, seed: int = 3) -> Findings:
    rows, panes = catalogue(20.0, 10, NEW, seed)
    rows, panes = np.r_[rows, np.full(len(extra_panes), row)], np.r_[panes, extra_panes]
    return SparseVolume().close(10 * DAY - 1, rows, panes, np.ones_like(rows))


def test_a_normal_catalogue_gives_no_finding() -> None:
    assert len(sparse_with(NONE)) == 0


def test_a_new_product_with_three_orders_is_no_finding() -> None:
    assert len(sparse_with(NOON + np.array([0, 1, 1]))) == 0


def test_a_new_key_that_grows_to_dozens_is_found_within_ten_orders() -> None:
    growing = NOON + np.arange(0, 120, 3)
    found = sparse_with(growing)
    assert set(found.row.tolist()) == {NEW}
    assert (growing <= found.pane[0]).sum() <= 10
    assert set(found.direction.tolist()) == {SURGE}


def test_a_known_product_is_found_when_it_sells_ten_times_as_much() -> None:
    found = sparse_with(NOON + np.arange(0, 120, 3), row=100)
    assert set(found.row.tolist()) == {100}
    assert found.pane[0] < NOON + 60


def test_a_pair_of_promotions_never_seen_is_found_when_the_others_are_counted_too() -> None:
    orders = np.repeat(np.arange(10 * DAY), np.random.default_rng(0).poisson(usual(20.0, 10)))
    stacked = NOON + np.sort(np.random.default_rng(1).integers(0, 120, 387))
    rows = np.r_[np.zeros_like(orders), np.ones_like(stacked)]
    panes = np.r_[orders, stacked]
    found = SparseVolume().close(10 * DAY - 1, rows, panes, np.ones_like(rows))
    assert set(found.row.tolist()) == {1}
    assert (stacked <= found.pane[0]).sum() <= 12


def test_a_surge_of_everything_is_not_told_of_each_product() -> None:
    rows, panes = catalogue(20.0, 10, NEW, 3)
    more, when = catalogue(40.0, 10, NEW, 4)
    surging = (when >= NOON) & (when < NOON + 180)
    rows, panes = np.r_[rows, more[surging]], np.r_[panes, when[surging]]
    found = SparseVolume().close(10 * DAY - 1, rows, panes, np.ones_like(rows))
    assert len(set(found.row.tolist())) <= 5  # of some 3,000 that sold


def test_a_product_that_goes_on_selling_is_normal_after_nine_hours() -> None:
    launch = 4 * DAY + 9 * 60
    rate = usual(0.2, 10)
    rate[:launch] = 0.0
    found = sparse_with(np.repeat(np.arange(10 * DAY), np.random.default_rng(2).poisson(rate)))
    assert launch <= found.pane.min()
    assert found.pane.max() <= launch + 9 * 60


def test_the_population_of_a_stream_that_just_began_is_not_judged() -> None:
    rows, panes = catalogue(20.0, 1, 50, 1)
    assert len(SparseVolume().close(DAY - 1, rows, panes, np.ones_like(rows))) == 0


def test_a_key_takes_less_than_a_hundred_bytes() -> None:
    volume = SparseVolume()
    rows = np.arange(100_000)
    volume.close(10, rows, np.full_like(rows, 10), np.ones_like(rows))
    assert volume.get_state()["keys"].itemsize <= 100
