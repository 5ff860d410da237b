"""Reservoir series on the Numenta Anomaly Benchmark's series: the score of each, of all, and of halves not tuned on.

`python -m tests.benchmarks.bench_nab` reads nab_half.tar.gz of $ORDERWATCH_DATA. Alerts are asked for from the end of
the benchmark's probation on, as it tells every detector; all else is one set of parameters.
"""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from models._series_rows import raise_alerts
from models.reservoir_series import ReservoirSeries
from tests.benchmarks.nab_score import Series, nab_score, probation_rows, raw_score, read_archive, scored_windows

DATA = Path(os.environ.get("ORDERWATCH_DATA", "../shared/data"))
HALVINGS = 50
TUNED = [(score, step) for score in np.arange(2.0, 4.6, 0.2) for step in (0.5, 1.0, 1.5)]


def alerts_of(series: Series, quiet_rows: int) -> np.ndarray:
    """What the detector says of a series, with its own parameters."""
    return ReservoirSeries(quiet_rows=quiet_rows).score_learn(series.seconds, series.values).alerts


def _at(scores: np.ndarray, series: Series, least: float, step: float) -> float:
    default = ReservoirSeries()
    keep, since = 0.5 ** (1.0 / default.bar_half_life_rows), np.array([0, default.refractory_rows])
    quiet = probation_rows(len(scores))
    alerts = raise_alerts(scores, np.zeros(1), since, least, step, keep, default.refractory_rows, quiet)
    return raw_score(alerts, series.windows)


def held_out(archive: list[Series]) -> np.ndarray:
    """Score of one half of the series, with the two parameters of the bar that were best on the other half."""
    every = [ReservoirSeries().score_learn(s.seconds, s.values).scores for s in archive]
    raw = np.array([[_at(c, s, *pair) for pair in TUNED] for c, s in zip(every, archive, strict=True)])
    windows = np.array([len(scored_windows(len(s.values), s.windows)) for s in archive])
    rng, found = np.random.default_rng(0), []
    for _ in range(HALVINGS):
        order = rng.permutation(len(archive))
        one, other = order[: len(order) // 2], order[len(order) // 2 :]
        for tuned_on, told in ((one, other), (other, one)):
            best = raw[tuned_on].sum(axis=0).argmax()
            found.append(100 * (raw[told, best].sum() + windows[told].sum()) / (2 * windows[told].sum()))
    return np.array(found)


def main() -> None:
    """Print the tables."""
    archive = read_archive(DATA / "nab_half.tar.gz")
    results = []
    print(f"{'series':55}{'windows':>8}{'found':>6}{'false':>6}{'score':>7}")
    for series in archive:
        start = probation_rows(len(series.values))
        alerts = alerts_of(series, start)
        results.append((alerts, series.windows))
        inside = np.zeros(len(alerts), bool)
        for first, last in series.windows:
            inside[first : last + 1] = True
        found = sum(bool(alerts[max(first, start) : last + 1].any()) for first, last in series.windows)
        raw = raw_score(alerts, series.windows)
        false = int((alerts & ~inside)[start:].sum())
        print(f"{series.name:55}{len(series.windows):8}{found:6}{false:6}{raw:7.2f}")
    quiet = ReservoirSeries().quiet_rows
    fixed = [(alerts_of(series, quiet), series.windows) for series in archive]
    halves = held_out(archive)
    print(f"\nstandard profile, all series, parameters as shipped: {nab_score(results):.1f}")
    print(f"the same, alerts from row {quiet} on whatever the probation: {nab_score(fixed):.1f}")
    print(f"one half, bar tuned on the other, {HALVINGS} halvings: {halves.mean():.1f} +- {halves.std():.1f}")


if __name__ == "__main__":
    main()
