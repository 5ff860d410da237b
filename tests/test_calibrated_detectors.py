"""Of every detector and volume baseline a calibrated score says how rare it is, on normal orders."""

from __future__ import annotations

import math
from functools import cache

import numpy as np
import pytest

from config.promotions import PromotionRegister
from config.settings import load
from models.calibration import Calibration
from models.detector import Detector
from models.outlier import Outlier
from models.volume import SeasonalVolume
from stream.assembly import Assembly, parts_of
from stream.decode import Decoder
from stream.record import StoredRecord
from stream.simulator.settings import SimulatorSettings
from stream.simulator.simulation import simulate


def detectors():
    """Outliers and detectors of many features that the settings name without a fitted model of one's own."""
    parts = {**parts_of("detector")}
    own = {name for name, part in parts.items() if issubclass(part, Outlier | Detector)}
    return sorted(own - {"river_detector", "sklearn_detector"})


@cache
def normal_scores():
    """Raw scores of each detector over twelve simulated hours without an incident, in the order of the stream."""
    on = {name: {"on": True} for name in detectors()}
    settings_ = load(detectors=on)
    assembly = Assembly(settings_, PromotionRegister({}))
    partition = assembly.partition()
    watches = assembly.judge(0, partition.spaces).watches
    day = SimulatorSettings(seed=21, duration_seconds=43_200, orders_per_second=0.5)
    values = [event.value for event in simulate(day)]
    decoder, raw = Decoder(0, settings_.decode), {name: [] for name in on}
    for start in range(0, len(values), 4_000):
        records = [StoredRecord(value, b"k", start + i) for i, value in enumerate(values[start : start + 4_000])]
        batch = decoder.decode(records).batch
        partition.transform(batch)
        for watch in watches:
            if watch.name in raw and not watch._is_silent(batch):
                raw[watch.name].append(watch._raw(batch)[0])
    joined = {name: np.concatenate(parts) if parts else np.zeros(0) for name, parts in raw.items()}
    return {name: scores[~np.isnan(scores)] for name, scores in joined.items()}


LEVELS = ("basket_outlier", "latency_outlier", "price_outlier")
SHARES = (0.9, 0.95, 0.99, 0.995, 0.999)


def held_back(name, rows, seed):
    """Normal rows of a detector, independent of one another: drawn from all that it gave."""
    scores = normal_scores()[name]
    return np.random.default_rng(seed).choice(scores, rows) if len(scores) else np.zeros(rows)


def assert_says_what_it_is(scores, raw):
    """P(score >= s) = 1 - s within 4.5 standard errors; where values tie, no more than that."""
    values, often = np.unique(raw, return_counts=True)
    ties = len(values) < 2_000 or often.max() > len(raw) / 20
    for s in SHARES:
        band = 4.5 * math.sqrt(2 * s * (1 - s) / len(scores)) + 1 / 5_001
        share = np.mean(scores >= s)
        assert share <= 1 - s + band, f"{share} of the normal rows score >= {s}"
        assert ties or share >= 1 - s - band, f"only {share} of the normal rows score >= {s}"


@pytest.mark.parametrize("name", detectors())
def test_of_every_detector_a_score_says_how_rare_it_is_on_held_back_normal_orders(name):
    raw = held_back(name, 60_000, seed=1)
    assert_says_what_it_is(Calibration().score_learn(raw, SHARES[0])[10_000:], raw)


@pytest.mark.parametrize("name", detectors())
def test_of_every_detector_it_says_so_again_after_a_lasting_shift(name):
    raw, calibration = held_back(name, 60_000, seed=2), Calibration()
    calibration.score_learn(raw[:10_000], SHARES[0])
    shifted_ = 1.7 * raw[10_000:] + raw.std() + 1.0
    assert_says_what_it_is(calibration.score_learn(shifted_, SHARES[0])[10_000:], shifted_)  # two references


@pytest.mark.parametrize("name", detectors())
def test_of_every_detector_it_says_so_between_bursts_that_mean_to_be_learned(name):
    raw = held_back(name, 60_000, seed=3)
    odd = 3.0 * raw.max() + 1.0
    calibration, normal = Calibration(), []
    for start in range(0, len(raw), 2_000):
        rows = raw[start : start + 2_000]
        normal.append(calibration.score_learn(rows, SHARES[0]))
        assert (calibration.score_learn(np.full(190, odd), SHARES[0]) >= 0.999).all()
    assert_says_what_it_is(np.concatenate(normal[5:]), raw)
    assert calibration.score(np.array([odd]))[0] >= 0.999


@pytest.mark.parametrize("name", [*LEVELS, "half_space_trees", "reservoir_ensemble"])
def test_in_the_order_of_the_stream_a_score_is_no_rarer_than_it_says(name):
    scores = Calibration().score_learn(normal_scores()[name], SHARES[0])
    scores = scores[5_000:]
    assert len(scores) > 3_000
    for s in SHARES[:-1]:
        blocks = [np.mean(block >= s) for block in np.array_split(scores, 20)]  # rows depend on their predecessors
        assert np.mean(blocks) <= 1 - s + 4 * np.std(blocks) / math.sqrt(20) + 1 / 5_001


def test_windows_of_normal_traffic_are_as_rare_as_their_p_values_say():
    minutes = np.arange(40 * 1440)
    mean = 12.0 * (1.0 + 0.6 * np.sin(2 * np.pi * (minutes % 1440) / 1440))
    counts = np.random.default_rng(5).negative_binomial(mean / 1.25, 1 / 2.25)
    for alert_p in (0.02, 0.002):
        volume = SeasonalVolume(
            windows_panes=(10,), alert_p=alert_p, learn_p=1e-9, surge_ratio=1.0, drop_ratio=1.0, min_excess=0.0
        )
        found = volume.close(len(minutes) - 1, np.zeros_like(minutes), minutes, counts)
        share = np.count_nonzero(found.pane >= 14 * 1440) / (26 * 1440)
        assert share <= 2 * alert_p * 1.3  # a surge, or a drop
        assert share >= alert_p / 3
