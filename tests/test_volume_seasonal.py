"""The seasonal baseline: what it finds and how soon, what it learns, and what it leaves alone."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import pytest

from models.volume import DROP, SURGE, ZERO, SeasonalVolume
from models.volume_clock import BusinessClock
from tests.volume_traffic import DAY, HOURS, close, drawn, incidents, usual


def found_after(
    per_minute: float, change: float, *, learned_days: int, seed: int = 0, hour: int = 11
) -> tuple[int, int]:
    """Minutes from a change until it is found, and the direction found; -1 for never."""
    mean = usual(per_minute, learned_days + 1)
    start = learned_days * DAY + hour * 60 + 17
    mean[start:] *= change
    found = close(SeasonalVolume(), drawn(mean, seed))
    assert not (found.pane < start).any()
    return (int(found.pane[0]) - start + 1, int(found.direction[0])) if len(found) else (-1, 9)


@pytest.mark.parametrize(("per_minute", "within"), [(2.0, 16), (20.0, 3), (200.0, 1)])
def test_total_silence_is_found_sooner_the_more_is_expected(per_minute: float, within: int) -> None:
    minutes, direction = found_after(per_minute, 0.0, learned_days=28)
    assert direction in {ZERO, DROP}
    assert 0 < minutes <= within


@pytest.mark.parametrize(("per_minute", "within"), [(2.0, 60), (20.0, 8), (200.0, 1)])
def test_a_drop_to_a_tenth_is_found(per_minute: float, within: int) -> None:
    minutes, direction = found_after(per_minute, 0.1, learned_days=28)
    assert direction in {ZERO, DROP}
    assert 0 < minutes <= within


@pytest.mark.parametrize(("per_minute", "within"), [(2.0, 10), (20.0, 2), (200.0, 1)])
def test_a_fivefold_surge_is_found(per_minute: float, within: int) -> None:
    minutes, direction = found_after(per_minute, 5.0, learned_days=28)
    assert direction == SURGE
    assert 0 < minutes <= within


@pytest.mark.parametrize("change", [0.0, 0.1, 5.0])
def test_two_days_of_learning_are_enough_for_what_is_glaring(change: float) -> None:
    assert 0 < found_after(20.0, change, learned_days=2)[0] <= 8


@pytest.mark.parametrize("per_minute", [0.1, 2.0, 200.0])
def test_normal_traffic_gives_at_most_one_false_incident_in_sixty_days(per_minute: float) -> None:
    assert len(incidents(close(SeasonalVolume(), drawn(usual(per_minute, 60), 7)))) <= 1


def test_nothing_is_found_or_expected_on_the_first_day() -> None:
    volume, counts = SeasonalVolume(), drawn(usual(20.0, 1), 0)
    counts[800:] *= 20
    assert len(close(volume, counts)) == 0
    assert np.isnan(volume.expected(0, DAY, 60)).all()
    assert np.isnan(volume.expected(99, DAY, 60)).all()


def test_the_expected_range_holds_what_comes() -> None:
    volume, mean = SeasonalVolume(), usual(20.0, 29)
    close(volume, drawn(mean[: 28 * DAY], 3))
    noon = 28 * DAY + 12 * 60
    low, expected, high = volume.expected(0, noon, 60)
    assert expected == pytest.approx(mean[noon - 59 : noon + 1].sum(), rel=0.15)
    assert low < drawn(mean, 3)[noon - 59 : noon + 1].sum() < high
    night = volume.expected(0, 28 * DAY + 4 * 60, 60)
    assert night[1] < expected / 10


def test_a_gap_is_not_learned_as_a_lower_level() -> None:
    mean = usual(5.0, 16)
    volume, untouched = SeasonalVolume(), SeasonalVolume()
    close(untouched, drawn(mean, 4))
    counts = drawn(mean, 4)
    counts[14 * DAY + 600 : 14 * DAY + 600 + 14 * 60] = 0
    close(volume, counts)
    noon = 16 * DAY + 12 * 60
    assert volume.expected(0, noon, 60)[1] == pytest.approx(untouched.expected(0, noon, 60)[1], rel=0.1)


def test_a_surge_of_hours_is_not_learned() -> None:
    mean = usual(20.0, 15)
    mean[14 * DAY + 600 : 14 * DAY + 900] *= 6.0
    volume = SeasonalVolume()
    found = close(volume, drawn(mean, 5))
    assert set(found.direction.tolist()) == {SURGE}
    noon = 15 * DAY + 12 * 60
    assert volume.expected(0, noon, 60)[1] == pytest.approx(usual(20.0, 16)[noon - 59 : noon + 1].sum(), rel=0.2)


def test_a_finding_ends_soon_after_its_cause() -> None:
    mean = usual(20.0, 15)
    end = 14 * DAY + 700
    mean[end - 100 : end] *= 6.0
    assert close(SeasonalVolume(), drawn(mean, 5)).pane.max() < end + 60


@pytest.mark.parametrize("change", [0.25, 3.0])
def test_a_lasting_shift_is_adopted_within_three_days(change: float) -> None:
    mean = usual(20.0, 24)
    start = 14 * DAY + 600
    mean[start:] *= change
    volume = SeasonalVolume()
    found = close(volume, drawn(mean, 6))
    assert start <= found.pane.min() < start + 30
    assert found.pane.max() < start + 3 * DAY
    noon = 24 * DAY + 12 * 60
    later = usual(20.0, 25)[noon - 59 : noon + 1].sum() * change
    assert volume.expected(0, noon, 60)[1] == pytest.approx(later, rel=0.2)


def test_a_row_sleeps_after_a_fortnight_of_silence_and_begins_anew() -> None:
    counts = drawn(usual(20.0, 60), 8)
    counts[10 * DAY : 50 * DAY] = 0
    found = close(SeasonalVolume(), counts)
    silent = found.pane[found.direction == ZERO]
    assert 10 * DAY < silent[0] < 10 * DAY + 600  # at night, few are missed
    assert 24 * DAY - 1 <= silent[-1] <= 24 * DAY
    assert not (found.pane >= 24 * DAY + 1).any()


def test_an_effect_below_the_least_that_counts_is_no_finding() -> None:
    steady = np.full(10 * DAY, 1000)
    steady[9 * DAY :] = 1400
    assert len(close(SeasonalVolume(), steady)) == 0
    assert len(close(SeasonalVolume(surge_ratio=1.2), steady)) > 0


def test_findings_say_what_was_expected() -> None:
    mean = usual(20.0, 15)
    mean[14 * DAY + 600 : 14 * DAY + 660] *= 6.0
    found = close(SeasonalVolume(), drawn(mean, 5))
    assert ((found.low <= found.expected) & (found.expected <= found.high) & (found.high < found.observed)).all()
    assert ((found.p_value < 1e-7) & (found.p_value >= 0)).all()
    assert set(found.window_panes.tolist()) <= {1, 10, 60, 360}
    assert len(set(found.pane.tolist())) == len(found)


def test_the_hour_of_the_week_is_the_one_on_the_wall_clock() -> None:
    clock = BusinessClock("Asia/Kolkata", pane_seconds=60)
    hours, gone = clock.hours(0, 31)  # 1970-01-01 05:30 there, a Thursday
    assert hours.tolist() == [3 * 24 + 5] * 30 + [3 * 24 + 6]
    assert gone[0] == pytest.approx(30.5 / 60)
    berlin = BusinessClock("Europe/Berlin", pane_seconds=3600)
    march_31 = int(datetime(2024, 3, 31, tzinfo=UTC).timestamp()) // 3600
    assert [int(h) % 24 for h in berlin.hours(march_31, march_31 + 3)[0]] == [1, 3, 4]
    with pytest.raises(ValueError, match="Mars/Olympus"):
        BusinessClock("Mars/Olympus")


def test_daylight_saving_raises_no_finding() -> None:
    start = int(datetime(2024, 3, 1, tzinfo=UTC).timestamp()) // 60
    days = 45
    hours, gone = BusinessClock("Europe/Berlin").hours(start, start + days * DAY)
    mean = 20.0 * np.interp(hours % 24 + gone, np.arange(-0.5, 25), np.r_[HOURS[-1], HOURS, HOURS[0]]) / HOURS.mean()
    counts = drawn(mean, 9)
    panes = np.arange(start, start + days * DAY)
    volume = SeasonalVolume(business_timezone="Europe/Berlin")
    assert len(volume.close(int(panes[-1]), np.zeros(len(panes), np.int64), panes, counts)) == 0


@pytest.mark.parametrize("settings_", [{"pane_seconds": 7}, {"windows_panes": (10, 1)}, {"windows_panes": ()}])
def test_panes_and_windows_that_make_no_sense_are_refused(settings_: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="pane"):
        SeasonalVolume(**settings_)  # type: ignore[arg-type]  # that is the point
