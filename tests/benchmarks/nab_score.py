r"""The scoring rule of the Numenta Anomaly Benchmark, standard profile, and its series from an archive.

With y the place of a row relative to a window (-1 at its first row, just below 0 at its last, beyond 0 behind it)

    sigma(y) = 2 / (1 + e^(5 y)) - 1

* a window in which something was detected gives sigma of the earliest detection, over sigma(-1): at most 1;
* a window in which nothing was detected takes 1;
* every detection outside windows takes 0.11 |sigma|, y being rows behind the last window over its length less one;
  0.11 whole from three lengths on, or where no window came before;
* the first 15 % of the rows, and of at most 5,000, are not scored.

The sum S of all series is told as 100 (S - S_null) / (S_perfect - S_null): null detects nothing, perfect detects each
window at its first row and nothing else.

Source: Lavin and Ahmad, Evaluating Real-time Anomaly Detection Algorithms - the Numenta Anomaly Benchmark, ICMLA
2015, section III; the division by sigma(-1) and the cap at 5,000 rows are of the benchmark's version 1.
"""

from __future__ import annotations

import csv
import io
import json
import math
import tarfile
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

FALSE_WEIGHT = 0.11
"""What a false detection costs in the standard profile, where a window found gives 1, and one missed takes 1."""
PROBATION_SHARE, PROBATION_MOST_ROWS = 0.15, 5_000
_FAR = 3.0
_NO_WINDOW = -1


@dataclass(frozen=True)
class Series:
    """One series: its values, the second of each, and the rows (first, last) of its labelled windows."""

    name: str
    seconds: np.ndarray
    values: np.ndarray
    windows: tuple[tuple[int, int], ...]


def sigma(y: float) -> float:
    """Worth of a detection at place y."""
    return -1.0 if y >= _FAR else 2.0 / (1.0 + math.exp(5.0 * y)) - 1.0


def probation_rows(rows: int) -> int:
    """How many rows at the beginning are not scored."""
    return math.floor(PROBATION_SHARE * min(rows, PROBATION_MOST_ROWS))


def worth_of_rows(rows: int, windows: tuple[tuple[int, int], ...]) -> tuple[np.ndarray, np.ndarray]:
    """What a detection at each row is worth, and in which window it stands (-1: in none)."""
    worth, window_of = np.full(rows, -FALSE_WEIGHT), np.full(rows, _NO_WINDOW)
    for number, (first, last) in enumerate(windows):
        length = last - first + 1
        for row in range(first, last + 1):
            worth[row] = sigma(-(last - row + 1) / length) / sigma(-1.0)
        window_of[first : last + 1] = number
        until = windows[number + 1][0] if number + 1 < len(windows) else rows
        for row in range(last + 1, until):
            worth[row] = FALSE_WEIGHT * sigma((row - last) / (length - 1))
    return worth, window_of


def raw_score(detected: np.ndarray, windows: tuple[tuple[int, int], ...]) -> float:
    """Sum of what the detections of one series are worth; a window counts once, by its earliest."""
    worth, window_of = worth_of_rows(len(detected), windows)
    start = probation_rows(len(detected))
    counted = np.flatnonzero(detected[start:]) + start
    found = [worth[counted[window_of[counted] == number]] for number in scored_windows(len(detected), windows)]
    return float(worth[counted[window_of[counted] == _NO_WINDOW]].sum() + sum(w.max(initial=-1.0) for w in found))


def scored_windows(rows: int, windows: tuple[tuple[int, int], ...]) -> list[int]:
    """Windows of which at least one row is scored."""
    return [number for number, (_, last) in enumerate(windows) if last >= probation_rows(rows)]


def nab_score(results: list[tuple[np.ndarray, tuple[tuple[int, int], ...]]]) -> float:
    """0 for detecting nothing, 100 for detecting everything at once; from (detected, windows) of each series."""
    total = sum(raw_score(detected, windows) for detected, windows in results)
    windows = sum(len(scored_windows(len(detected), windows)) for detected, windows in results)
    return 100.0 * (total + windows) / (2.0 * windows)


def read_archive(path: Path) -> list[Series]:
    """All series of an archive, by name, with their labelled windows."""
    with tarfile.open(path) as archive:
        labels = json.loads(_text(archive, "nab/labels/combined_windows.json"))
        return [_series(name, _text(archive, f"nab/data/{name}"), labels[name]) for name in sorted(labels)]


def _text(archive: tarfile.TarFile, name: str) -> str:
    file = archive.extractfile(name)
    assert file is not None, f"{name} is no file of the archive"
    return file.read().decode()


def _series(name: str, text: str, limits: list[list[str]]) -> Series:
    rows = list(csv.DictReader(io.StringIO(text)))
    seconds = np.array([_second(row["timestamp"]) for row in rows])
    windows = tuple(
        (int(np.searchsorted(seconds, _second(first))), int(np.searchsorted(seconds, _second(last), "right")) - 1)
        for first, last in limits
    )
    return Series(name, seconds, np.array([float(row["value"]) for row in rows]), windows)


def _second(stamp: str) -> int:
    return int(datetime.fromisoformat(stamp).replace(tzinfo=UTC).timestamp())
