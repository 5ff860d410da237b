"""The volume baselines: what they find, what they leave alone, and the laws they keep."""

from __future__ import annotations

import gzip
import json
import os
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from models.volume import DROP, SURGE, ZERO, Findings, SeasonalVolume, SparseVolume
from models.volume_clock import BusinessClock
from models.volume_tail import at_least, at_most, least_beyond, most_below

DATA = Path(os.environ.get("ORDERWATCH_DATA", "../shared/data"))
DAY = 1440
NONE = np.zeros(0, np.int64)
# orders by hour of the day at a real shop, relative
NIGHT = [3.4, 1.8, 0.8, 0.4, 0.3, 0.3, 0.6, 1.6]
DAYTIME = [3.8, 6.1, 8.0, 8.7, 8.0, 8.8, 8.6, 8.6, 8.7, 8.1, 7.4, 8.1, 8.2, 8.4, 7.9, 6.0]
HOURS = np.array(NIGHT + DAYTIME)
WEEKDAYS = np.array([1.15, 1.12, 1.08, 1.03, 1.0, 0.78, 0.84])
DISPERSION = 2.25  # variance over mean


def usual(per_minute: float, days: int) -> np.ndarray:
    """Orders expected a minute, from Thursday 1970-01-01 on."""
    minute = np.arange(days * DAY)
    hours = np.interp((minute % DAY) / 60, np.arange(-0.5, 25), np.r_[HOURS[-1], HOURS, HOURS[0]])
    return per_minute * hours / HOURS.mean() * WEEKDAYS[(minute // DAY + 3) % 7]


def drawn(mean: np.ndarray, seed: int) -> np.ndarray:
    """Negative binomial orders with the variance of a real shop."""
    size = np.maximum(mean / (DISPERSION - 1), 1e-12)
    return np.random.default_rng(seed).negative_binomial(size, 1 / DISPERSION)


def entries(counts: np.ndarray, row: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, panes and counts of the panes that have orders."""
    panes = np.flatnonzero(counts)
    return np.full(len(panes), row), panes, counts[panes].astype(np.int64)


def close(volume: SeasonalVolume, counts: np.ndarray) -> Findings:
    return volume.close(len(counts) - 1, *entries(counts))


def rows_of(found: Findings) -> list[tuple[object, ...]]:
    return list(zip(*(getattr(found, name).tolist() for name in Findings.__slots__), strict=True))


def incidents(found: Findings, apart: int = 360) -> list[tuple[int, int]]:
    """First and last pane of findings that are less than `apart` panes from each other."""
    spans: list[tuple[int, int]] = []
    for pane in found.pane.tolist():
        if spans and pane - spans[-1][1] <= apart:
            spans[-1] = (spans[-1][0], pane)
        else:
            spans.append((pane, pane))
    return spans


# --- tails ---------------------------------------------------------------------------------------


@given(
    mean=st.floats(1e-3, 1e5),
    dispersion=st.floats(1.02, 200.0),
    deviations=st.floats(-6.0, 15.0),
)
@settings(max_examples=300, deadline=None)
def test_tails_agree_with_scipy_to_seven_digits(mean: float, dispersion: float, deviations: float) -> None:
    x = float(np.floor(max(0.0, mean + deviations * (dispersion * mean) ** 0.5)))
    size, p = mean / (dispersion - 1), 1 / dispersion
    above, below = stats.nbinom.sf(x - 1, size, p), stats.nbinom.cdf(x, size, p)
    assert at_least(x, mean, dispersion * mean) == pytest.approx(above, rel=1e-7, abs=1e-290)
    assert at_most(x, mean, dispersion * mean) == pytest.approx(below, rel=1e-7, abs=1e-290)


@pytest.mark.parametrize(("mean", "dispersion"), [(0.1, 1.5), (3.0, 2.25), (400.0, 1.1), (20_000.0, 30.0)])
def test_ranges_are_the_quantiles_of_scipy(mean: float, dispersion: float) -> None:
    law = stats.nbinom(mean / (dispersion - 1), 1 / dispersion)
    assert least_beyond(0.005, mean, mean * dispersion) == law.isf(0.005)
    assert most_below(0.005, mean, mean * dispersion) == law.ppf(0.005)


def test_what_cannot_be_has_probability_nought_and_what_must_be_one() -> None:
    assert at_least(0.0, 5.0, 9.0) == 1.0
    assert at_least(1.0, 0.0, 0.0) == 0.0
    assert at_most(-1.0, 5.0, 9.0) == 0.0
    assert at_most(3.0, 0.0, 0.0) == 1.0


# --- laws ----------------------------------------------------------------------------------------


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


# --- seasonal ------------------------------------------------------------------------------------


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


# --- real shops ----------------------------------------------------------------------------------


def purchases(name: str, field: str, since: str) -> np.ndarray:
    """Minutes of a public data set's orders; skips the test where it is not at hand."""
    path = DATA / name
    if not path.exists():
        pytest.skip(f"{path} is not there; $ORDERWATCH_DATA names the folder")
    with gzip.open(path) as lines:
        texts = [json.loads(line)[field] for line in lines]
    times = [int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) for text in texts if text >= since]
    return np.sort(np.array(times)) // 60


def minute(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) // 60


def covers(spans: list[tuple[int, int]], first: str, last: str) -> bool:
    return any(start <= minute(last) and end >= minute(first) for start, end in spans)


OLIST_KNOWN = [
    ("2017-05-20T19:45", "2017-05-21T08:00"),
    ("2017-06-26T18:26", "2017-06-27T10:36"),
    ("2017-07-26T22:07", "2017-07-27T08:43"),
    ("2017-11-19T22:06", "2017-11-20T11:00"),
    ("2017-11-24T00:00", "2017-11-25T00:00"),
]


def test_a_real_marketplace_gives_its_known_incidents_and_few_others() -> None:
    panes = purchases("olist_orders_2016_2017.jsonl.gz", "purchase", "2017-01-05")
    found = SeasonalVolume().close(int(panes[-1]), np.zeros_like(panes), panes, np.ones_like(panes))
    spans = incidents(found)
    assert all(covers(spans, *known) for known in OLIST_KNOWN)
    others = [s for s in spans if not any(covers([s], *known) for known in OLIST_KNOWN)]
    assert len(others) <= 10
    gaps = found.pane[found.direction == ZERO]
    for first, last in OLIST_KNOWN[:4]:
        assert ((gaps > minute(first)) & (gaps < minute(last))).any(), first
    black_friday = (found.pane >= minute("2017-11-24T00:00")) & (found.pane < minute("2017-11-25T00:00"))
    assert (found.direction[black_friday] == SURGE).sum() > 1000


def test_nights_and_closed_days_of_a_real_wholesaler_are_normal() -> None:
    panes = purchases("uci_online_retail_to_2011_06.jsonl.gz", "ts", "2010-12-01")
    found = SeasonalVolume().close(int(panes[-1]), np.zeros_like(panes), panes, np.ones_like(panes))
    spans = [s for s in incidents(found) if s[0] >= minute("2010-12-20T00:00")]
    holidays = [
        ("2010-12-23T18:00", "2011-01-04T10:00"),  # Christmas
        ("2011-04-21T20:00", "2011-04-26T09:00"),  # Easter
        ("2011-04-28T20:00", "2011-05-01T11:00"),  # a royal wedding
        ("2011-05-02T00:00", "2011-05-03T09:00"),  # bank holiday
        ("2011-05-30T00:00", "2011-05-31T09:00"),  # bank holiday
    ]
    assert all(covers(spans, *holiday) for holiday in holidays)
    others = [s for s in spans if not any(covers([s], *holiday) for holiday in holidays)]
    assert len(others) <= 4  # Saturdays would be 27, nights 190
    saturdays = [s for s in others if (s[0] // DAY + 3) % 7 == 5]
    assert not saturdays


def test_products_of_a_real_marketplace_are_left_in_peace() -> None:
    path = DATA / "olist_orders_2016_2017.jsonl.gz"
    if not path.exists():
        pytest.skip(f"{path} is not there; $ORDERWATCH_DATA names the folder")
    sold = []
    with gzip.open(path) as lines:
        for line in lines:
            order = json.loads(line)
            if order["purchase"] >= "2017-01-05":
                sold += [(minute(order["purchase"]), product) for product in {i["product_id"] for i in order["items"]}]
    keys: dict[str, int] = {}
    rows = np.array([keys.setdefault(product, len(keys)) for _, product in sold])
    panes = np.array([pane for pane, _ in sold])
    found = SparseVolume().close(int(panes.max()), rows, panes, np.ones_like(rows))
    assert len({(r, p // DAY) for r, p in zip(found.row.tolist(), found.pane.tolist(), strict=True)}) <= 10


# --- sparse --------------------------------------------------------------------------------------


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
