"""The benchmark's scoring rule on worked values; the series detector's laws, and its score on labelled series."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from models.reservoir_series import ReservoirSeries
from tests.benchmarks.nab_score import nab_score, probation_rows, raw_score, read_archive, sigma, worth_of_rows

ARCHIVE = (
    Path(os.environ.get("ORDERWATCH_DATA", Path(__file__).parents[1].parent / "shared" / "data")) / "nab_half.tar.gz"
)
DAYS = 20


def detected_at(rows, *places):
    detected = np.zeros(rows, bool)
    detected[list(places)] = True
    return detected


def daily_latency(seed=5):
    seconds = np.arange(0, DAYS * 86_400, 600)
    usual = 200 + 60 * np.sin(seconds / 86_400 * 2 * np.pi)
    return seconds, usual + np.random.default_rng(seed).normal(0, 6, len(seconds))


@pytest.mark.parametrize(("y", "worth"), [(-1.0, 0.98661), (-0.5, 0.84828), (0.0, 0.0), (1.0, -0.98661), (3.0, -1.0)])
def test_the_sigmoid_has_the_values_of_the_paper(y, worth):
    assert sigma(y) == pytest.approx(worth, abs=5e-6)


def test_a_detection_is_worth_what_was_published_for_it():
    # HTM of the benchmark's results on ec2_cpu_utilization_24ae8d: detected 101 rows into windows of 201 rows
    worth, _ = worth_of_rows(4032, ((3447, 3647), (3677, 3877)))
    assert worth[3447 + 101] == pytest.approx(0.858015682831, abs=1e-12)
    assert worth[3677 + 101] == pytest.approx(0.858015682831, abs=1e-12)


def test_nothing_detected_is_0_and_all_detected_at_once_is_100():
    windows = ((1000, 1100), (1500, 1600))
    assert nab_score([(np.zeros(2000, bool), windows)]) == 0.0
    assert nab_score([(detected_at(2000, 1000, 1500), windows)]) == pytest.approx(100.0)
    assert nab_score([(detected_at(2000, 1000, 1500), windows), (detected_at(2000, 700), ())]) == pytest.approx(
        100.0 - 100 * 0.11 / 4
    )


def test_only_the_earliest_detection_of_a_window_counts_and_each_false_one_does():
    windows = ((1000, 1100),)
    early, late = raw_score(detected_at(2000, 1010, 1090), windows), raw_score(detected_at(2000, 1010), windows)
    assert early == late > raw_score(detected_at(2000, 1090), windows) > 0.0
    assert raw_score(detected_at(2000, 700, 800), windows) == pytest.approx(-1.0 - 2 * 0.11)
    just_behind, far_behind = raw_score(detected_at(2000, 1101), windows), raw_score(detected_at(2000, 1500), windows)
    assert far_behind == pytest.approx(-1.11)
    assert -1.11 < just_behind < -1.0


def test_the_probation_is_not_scored_and_never_longer_than_750_rows():
    assert (probation_rows(2000), probation_rows(4032), probation_rows(20_000)) == (300, 604, 750)
    assert raw_score(detected_at(2000, 10, 299), ()) == 0.0
    assert raw_score(detected_at(2000, 300), ()) == pytest.approx(-0.11)


def test_where_a_series_is_cut_changes_no_bit_and_neither_does_a_restart():
    seconds, values = daily_latency()
    values[777] = np.nan
    whole = ReservoirSeries().score_learn(seconds, values)
    series, scores, alerts = ReservoirSeries(), [], []
    for part in np.split(np.arange(len(values)), [1, 2, 90, 101, 700, 1500]):
        verdict = series.score_learn(seconds[part], values[part])
        scores.append(verdict.scores)
        alerts.append(verdict.alerts)
        state, series = series.get_state(), ReservoirSeries()
        series.set_state(state)
    assert np.concatenate(scores).tobytes() == whole.scores.tobytes()
    assert np.concatenate(alerts).tobytes() == whole.alerts.tobytes()
    assert np.isnan(whole.scores[777])
    with pytest.raises(ValueError, match=r"recent.*ReservoirSeries|ReservoirSeries.*recent"):
        ReservoirSeries(window_rows=5).set_state(state)


def test_what_comes_later_changes_nothing_before_it():
    seconds, values = daily_latency()
    changed = values.copy()
    changed[1500:] = 1e6
    one, other = ReservoirSeries().score_learn(seconds, values), ReservoirSeries().score_learn(seconds, changed)
    assert one.scores[:1500].tobytes() == other.scores[:1500].tobytes()
    assert one.scores[1500] != other.scores[1500]


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda values, at: values.__setitem__(slice(at, at + 6), values[at : at + 6] + 150), id="surge"),
        pytest.param(lambda values, at: values.__setitem__(slice(at, at + 30), 0.0), id="silence"),
        pytest.param(lambda values, at: values.__setitem__(slice(at, None), values[at:] + 120), id="new level"),
    ],
)
def test_a_change_is_told_within_the_hour_and_quiet_days_are_quiet(change):
    seconds, values = daily_latency()
    at = 14 * 144 + 70
    change(values, at)
    alerts = np.flatnonzero(ReservoirSeries().score_learn(seconds, values).alerts)
    assert at <= alerts[alerts >= at][0] < at + 6
    assert len(alerts[alerts < at]) <= 2  # in thirteen days


def test_each_alert_raises_the_bar_of_the_next():
    seconds, values = daily_latency()
    values[1000::140] += 150
    heard = ReservoirSeries(raise_score=0.0).score_learn(seconds, values).alerts.sum()
    told = ReservoirSeries(raise_score=2.0).score_learn(seconds, values).alerts.sum()
    assert 1 <= told < heard


def test_the_score_on_labelled_series_is_above_70():
    if not ARCHIVE.exists():
        pytest.skip(f"no {ARCHIVE}: set ORDERWATCH_DATA to the folder of the public data sets")
    results = []
    for series in read_archive(ARCHIVE):
        detector = ReservoirSeries(quiet_rows=probation_rows(len(series.values)))
        results.append((detector.score_learn(series.seconds, series.values).alerts, series.windows))
    assert nab_score(results) > 70.0
