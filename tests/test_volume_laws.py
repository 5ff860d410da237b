"""The laws that both volume baselines keep: no cut, order or restart changes a bit."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.volume import SeasonalVolume, SparseVolume
from tests.volume_traffic import DAY, close, drawn, entries, rows_of, usual


def busy_days(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Three days of several keys with a gap and a surge, keys that change hands, in no order."""
    rng = np.random.default_rng(seed)
    parts = []
    for row, rate in enumerate((0.2, 3.0, 30.0)):
        mean = usual(rate, 3)
        mean[2 * DAY + 600 : 2 * DAY + 700] *= (0.0, 5.0, 0.1)[row]
        parts.append(entries(drawn(mean, seed + row), row))
    rows, panes, counts = (np.concatenate(column) for column in zip(*parts, strict=True))
    rows, panes, counts = np.r_[rows, rows[:50]], np.r_[panes, panes[:50]], np.r_[counts, counts[:50]]
    fresh = rng.random(len(rows)) < 2e-4
    shuffled = rng.permutation(len(rows))
    return rows[shuffled], panes[shuffled], counts[shuffled], fresh[shuffled]


def same_state(one: dict[str, np.ndarray], other: dict[str, np.ndarray]) -> bool:
    return all(one[name].tobytes() == other[name].tobytes() for name in one)


@pytest.mark.parametrize("kind", [SeasonalVolume, SparseVolume])
@given(cuts=st.lists(st.integers(0, 3 * DAY - 2), max_size=6), seed=st.integers(0, 5))
@settings(max_examples=12, deadline=None)
def test_cutting_the_panes_into_calls_changes_no_bit(
    kind: type[SeasonalVolume | SparseVolume], cuts: list[int], seed: int
) -> None:
    rows, panes, counts, fresh = busy_days(seed)
    whole, cut = kind(alert_p=1e-4), kind(alert_p=1e-4)
    expected = rows_of(whole.close(3 * DAY - 1, rows, panes, counts, fresh))
    found = []
    for first, last in zip([-1, *sorted(cuts)], [*sorted(cuts), 3 * DAY - 1], strict=True):
        now = (panes > first) & (panes <= last)
        found += rows_of(cut.close(last, rows[now], panes[now], counts[now], fresh[now]))
    assert found == expected
    assert same_state(whole.get_state(), cut.get_state())


@pytest.mark.parametrize("kind", [SeasonalVolume, SparseVolume])
@pytest.mark.parametrize("cuts", [[50 * DAY], [3 * DAY, 17 * DAY + 3, 18 * DAY, 59 * DAY], [16 * DAY + 700]])
def test_cutting_a_long_silence_changes_no_bit(kind: type[SeasonalVolume | SparseVolume], cuts: list[int]) -> None:
    counts = drawn(usual(3.0, 70), 3)
    counts[2 * DAY + 600 : 60 * DAY] = 0
    rows, panes, counts = entries(counts)
    whole, cut = kind(), kind()
    expected = rows_of(whole.close(70 * DAY - 1, rows, panes, counts))
    found = []
    for first, last in zip([-1, *cuts], [*cuts, 70 * DAY - 1], strict=True):
        now = (panes > first) & (panes <= last)
        found += rows_of(cut.close(last, rows[now], panes[now], counts[now]))
    assert found == expected
    assert same_state(whole.get_state(), cut.get_state())


@pytest.mark.parametrize("kind", [SeasonalVolume, SparseVolume])
def test_decades_without_an_order_are_passed_over(kind: type[SeasonalVolume | SparseVolume]) -> None:
    volume = kind()
    rows, panes, counts = entries(drawn(usual(3.0, 21), 3))
    volume.close(21 * DAY, rows, panes, counts)
    later = 30 * 52 * 7 * DAY  # a pane at a time would take minutes
    found = volume.close(later + 21 * DAY, rows, panes + later, counts)
    assert not (found.pane >= later).any()


@pytest.mark.parametrize("kind", [SeasonalVolume, SparseVolume])
def test_the_order_of_entries_changes_no_bit(kind: type[SeasonalVolume | SparseVolume]) -> None:
    rows, panes, counts, fresh = busy_days(1)
    back = np.arange(len(rows))[::-1]
    one, other = kind(alert_p=1e-4), kind(alert_p=1e-4)
    found = one.close(3 * DAY - 1, rows, panes, counts, fresh)
    again = other.close(3 * DAY - 1, rows[back], panes[back], counts[back], fresh[back])
    assert len(found) > 0
    assert rows_of(found) == rows_of(again)


@pytest.mark.parametrize("kind", [SeasonalVolume, SparseVolume])
def test_a_restored_state_goes_on_to_the_last_bit(kind: type[SeasonalVolume | SparseVolume]) -> None:
    rows, panes, counts, _ = busy_days(2)
    half = 2 * DAY + 620
    first, second = kind(alert_p=1e-4), kind(alert_p=1e-4)
    early = panes <= half
    first.close(half, rows[early], panes[early], counts[early])
    second.set_state(first.get_state())
    found = [v.close(3 * DAY - 1, rows[~early], panes[~early], counts[~early]) for v in (first, second)]
    assert rows_of(found[0]) == rows_of(found[1])
    assert same_state(first.get_state(), second.get_state())


@pytest.mark.parametrize("kind", [SeasonalVolume, SparseVolume])
def test_a_state_of_other_windows_is_refused(kind: type[SeasonalVolume | SparseVolume]) -> None:
    with pytest.raises(ValueError, match="windows"):
        kind().set_state(kind(windows_panes=(1, 5)).get_state())


@pytest.mark.parametrize("kind", [SeasonalVolume, SparseVolume])
def test_a_pane_that_was_closed_or_is_not_due_is_refused(kind: type[SeasonalVolume | SparseVolume]) -> None:
    volume, one = kind(), np.array([1])
    volume.close(100, np.array([0]), np.array([100]), one)
    with pytest.raises(ValueError, match="pane 100 was closed before, up to 100: raise time"):
        volume.close(101, np.array([0]), np.array([100]), one)
    with pytest.raises(ValueError, match="pane 105 is after 101"):
        volume.close(101, np.array([0]), np.array([105]), one)


def test_a_fresh_row_forgets_the_key_before_it() -> None:
    volume, alone = SeasonalVolume(), SeasonalVolume()
    old, new = drawn(usual(200.0, 3), 1), drawn(usual(2.0, 3), 2)
    close(volume, old)
    rows, panes, counts = entries(new)
    panes = panes + 3 * DAY
    fresh = np.arange(len(panes)) == 0
    found = volume.close(6 * DAY - 1, rows, panes, counts, fresh)
    other = alone.close(6 * DAY - 1, rows, panes, counts)
    assert rows_of(found) == rows_of(other)
    assert volume.expected(0, 6 * DAY, 60) == alone.expected(0, 6 * DAY, 60)
