"""Orders a minute as a real shop has them, and how a volume baseline is fed: what the tests of volume share."""

from __future__ import annotations

import numpy as np

from models.volume import Findings, SeasonalVolume

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
    """Close all panes of one row."""
    return volume.close(len(counts) - 1, *entries(counts))


def rows_of(found: Findings) -> list[tuple[object, ...]]:
    """Findings as rows, to be compared."""
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
