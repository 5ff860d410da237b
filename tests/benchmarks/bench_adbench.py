"""Area under the ROC curve of the reservoir ensemble beside river's Half-Space Trees, over ADBench's labelled sets.

`python -m tests.benchmarks.bench_adbench` streams each set of $ORDERWATCH_DATA/adbench in stored and in shuffled
order. Half-Space Trees are ours, which give river's scores to the last bit (tests/test_half_space_trees.py). The rows
are those of which both have an opinion (from the 251st on); `all rows` counts no opinion as the most usual one, as
river's 0 is.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from sklearn.metrics import roc_auc_score

from models.detector import Detector
from models.detectors.half_space_trees import HalfSpaceTrees
from models.detectors.reservoir_ensemble import ReservoirEnsemble

DATA = Path(os.environ.get("ORDERWATCH_DATA", "../shared/data")) / "adbench"
SHUFFLES = 3


def orders(path: Path, shuffles: int = SHUFFLES) -> Iterator[tuple[str, np.ndarray, np.ndarray]]:
    """Rows and labels of a set as stored, then shuffled."""
    with np.load(path) as arrays:
        x, y = arrays["X"].astype(np.float64), arrays["y"].astype(bool)
    yield "stored", x, y
    for seed in range(shuffles):
        order = np.random.default_rng(seed).permutation(len(y))
        yield f"shuffled {seed}", x[order], y[order]


def auc(scores: np.ndarray, y: np.ndarray, told: np.ndarray) -> float:
    """Chance that an anomaly scores above a usual row, among the rows that were told."""
    return float(roc_auc_score(y[told], scores[told]))


def all_rows(scores: np.ndarray, y: np.ndarray) -> float:
    """The same over all rows; no opinion counts as the most usual one."""
    return float(roc_auc_score(y, np.where(np.isnan(scores), np.nanmin(scores), scores)))


def timed(detector: Detector, x: np.ndarray) -> tuple[np.ndarray, float]:
    """Scores, and CPU microseconds a row."""
    start = time.process_time()
    scores = detector.score_learn(x)
    return scores, (time.process_time() - start) / len(x) * 1e6


def main() -> None:
    """Print the table."""
    for detector in (ReservoirEnsemble(), HalfSpaceTrees()):
        detector.score_learn(np.random.default_rng(0).normal(size=(3_000, 3)))  # compiled before the clock runs
    means = []
    print(f"{'set':18}{'order':12}{'ensemble':>9}{'all rows':>9}{'HST':>8}{'all rows':>9}{'us/row':>8}{'HST':>6}")
    for path in sorted(DATA.glob("*.npz")):
        for order, x, y in orders(path):
            (ours, our_us), (trees, trees_us) = timed(ReservoirEnsemble(), x), timed(HalfSpaceTrees(), x)
            told = ~np.isnan(ours) & ~np.isnan(trees)
            row = auc(ours, y, told), all_rows(ours, y), auc(trees, y, told), all_rows(trees, y)
            means.append(row)
            figures = "{:9.4f}{:9.4f}{:8.4f}{:9.4f}".format(*row)
            print(f"{path.stem:18}{order:12}{figures}{our_us:8.2f}{trees_us:6.2f}", flush=True)
    print("{:30}{:9.4f}{:9.4f}{:8.4f}{:9.4f}".format("mean", *np.mean(means, axis=0)))


if __name__ == "__main__":
    main()
