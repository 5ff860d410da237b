"""Half-Space Trees against river's on the same rows, in turns, so that a slow minute slows both.

Run it with `python tests/benchmarks/bench_half_space_trees.py`. Rates are rows scored and learned a second
of this process's CPU time, the median of the rounds; each round first checks that all score the same bits.
"""

from __future__ import annotations

import statistics
import sys
import time
from functools import partial

import numpy as np
from river import anomaly, preprocessing

from models.detectors.half_space_trees import HalfSpaceTrees

FEATURES = 6


def river_scores(x, **shape):
    model = preprocessing.MinMaxScaler() | anomaly.HalfSpaceTrees(seed=42, **shape)
    rows = [dict(enumerate(row)) for row in x.tolist()]
    model.learn_one(rows[0])  # the trees are grown here: not what is measured
    start, scores = time.process_time(), []
    for row in rows[1:]:
        scores.append(model.score_one(row))
        model.learn_one(row)
    return len(scores) / (time.process_time() - start), scores


def our_scores(x, batch, **shape):
    trees = HalfSpaceTrees(**shape)
    trees.learn(x[:1])
    start = time.process_time()
    scores = [trees.score_learn(x[i : i + batch]) for i in range(1, len(x), batch)]
    return (len(x) - 1) / (time.process_time() - start), np.concatenate(scores)


def compare(title, shape, river_rows, our_rows, rounds):
    x = np.random.default_rng(1).normal(size=(our_rows, FEATURES))
    ours = {f"ours, batches of {n}": partial(our_scores, batch=n, **shape) for n in (1, 256, 1_000)}
    rates = {who: [] for who in ("river", *ours)}
    for _ in range(rounds):
        rate, expected = river_scores(x[:river_rows], **shape)
        rates["river"].append(rate)
        for who, run in ours.items():
            rate, scores = run(x)
            rates[who].append(rate)
            if scores[249 : river_rows - 1].tobytes() != np.array(expected[249:], np.float64).tobytes():
                sys.exit(f"{who}: not river's scores")
    print(f"\n{title}, {FEATURES} features, scaled; the same bits in all {rounds} rounds")
    for who, found in rates.items():
        ratio = statistics.median(a / b for a, b in zip(found, rates["river"], strict=True))
        spread = f"({min(found):,.0f} to {max(found):,.0f})"
        print(f"  {who:22} {statistics.median(found):12,.0f} rows/s  {spread:26} {ratio:8.1f} x river")


def main():
    our_scores(np.zeros((300, FEATURES)), batch=100)  # compile first
    compare("10 trees of height 8 (river's defaults)", {}, river_rows=4_000, our_rows=50_000, rounds=5)
    deep = {"n_trees": 25, "height": 15}
    compare("25 trees of height 15 (the paper's)", deep, river_rows=500, our_rows=5_000, rounds=2)


if __name__ == "__main__":
    main()
