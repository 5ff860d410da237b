# ---
# jupyter:
#   jupytext:
#     formats: ipynb,py:percent
#     notebook_metadata_filter: jupytext,-jupytext.text_representation.jupytext_version,kernelspec
#     text_representation:
#       extension: .py
#       format_name: percent
#       format_version: '1.3'
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # 4. Tune an online model
#
# Half-Space Trees learn on the stream itself: there is no training day and no model file. They have three knobs: how
# many trees, how deep, and how many orders make up "lately". This notebook chooses them, and shows how not to fool
# oneself while choosing.
#
# **How an online model is measured.** Each order is scored *before* it is learned (`score_learn`: test, then train).
# So every score is of an order that the model had not seen, and the whole stream is a test.

# %%
import itertools

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score

import features
from models.calibration import Calibration
from models.detectors.half_space_trees import HalfSpaceTrees
from stream.simulator import SimulatorSettings, simulate
from stream.simulator.incidents import make

# %% [markdown]
# ## Two shops: one to tune on, one to believe
#
# Whoever tries eighteen settings and keeps the best has also kept the luckiest. So we tune on one simulated shop and
# look at the result on another one, with other orders and other mistakes.

# %%
HOUR = 3_600.0
columns = ["basket_total", "basket_size", "discount_depth", "margin", "price_deviation"]


def shop(seed, rank):
    """Two and a half days of orders, mistakes in the last eighteen hours: the features, and which orders are odd."""
    mistakes = (
        make("price_typo", after_seconds=44 * HOUR, duration_seconds=HOUR, factor=0.1, rank=rank, orders=20),
        make("price_typo", after_seconds=50 * HOUR, duration_seconds=HOUR, factor=4.0, rank=rank + 4, orders=20),
        make("margin_squeeze", after_seconds=54 * HOUR, factor=0.62, rank=rank + 1, orders=40),
    )
    settings = SimulatorSettings(
        seed=seed,
        duration_seconds=60 * HOUR,
        orders_per_second=0.07,
        products=200,
        incidents=mistakes,
        life_cycle=False,
    )
    simulation = simulate(settings)
    orders = features.compute([event.value for event in simulation], progress=False).to_pandas()
    touched = {order for label in simulation.labels for order in label.order_ids}
    orders["odd"] = orders["order_id"].isin(touched)
    orders["judged"] = orders["time"] >= orders["time"].iloc[0] + pd.Timedelta(hours=42)
    return orders


tune, believe = shop(seed=21, rank=2), shop(seed=22, rank=5)
for name, orders in (("tune", tune), ("believe", believe)):
    print(f"{name}: {len(orders):,} orders, {orders['odd'].sum()} odd among the {orders['judged'].sum():,} judged")

# %% [markdown]
# ## Try settings
#
# One figure for each: the average precision over the judged orders. (A coin would have the share of odd ones.)


# %%
def quality(orders, **params):
    """Average precision of the scores that each order got before it was learned."""
    scores = HalfSpaceTrees(**params).score_learn(orders[columns].to_numpy())
    judged = orders["judged"].to_numpy()
    return average_precision_score(orders["odd"][judged], np.nan_to_num(scores[judged]))


TREES, HEIGHTS, WINDOWS = (5, 10, 25), (4, 6, 8), (250, 1_000)
tried = {
    (window, n, height): quality(tune, n_trees=n, height=height, window_size=window, seed=42)
    for window, n, height in itertools.product(WINDOWS, TREES, HEIGHTS)
}
fig, axes = plt.subplots(1, len(WINDOWS), figsize=(9, 3.2), layout="constrained", sharey=True)
for ax, window in zip(axes, WINDOWS, strict=True):
    grid = np.array([[tried[window, n, height] for height in HEIGHTS] for n in TREES])
    ax.imshow(grid, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    for i, j in itertools.product(range(len(TREES)), range(len(HEIGHTS))):
        ax.text(j, i, f"{grid[i, j]:.2f}", ha="center", va="center", color="white" if grid[i, j] > 0.5 else "black")
    ax.set(title=f"window of {window} orders", xlabel="height", xticks=range(len(HEIGHTS)), xticklabels=HEIGHTS)
axes[0].set(ylabel="trees", yticks=range(len(TREES)), yticklabels=TREES)
fig.suptitle("Average precision while tuning")
plt.show()

# %% [markdown]
# ## Is the best one best, or lucky?
#
# Trees are cut at random. The same knobs with another seed give another figure, and the spread of those is the least
# difference worth believing. We look at the winner and at the settings that orderwatch ships, over several seeds, on
# the other shop.

# %%
window, n_trees, height = max(tried, key=tried.get)
winner = {"n_trees": n_trees, "height": height, "window_size": window}
shipped = {"n_trees": 10, "height": 8, "window_size": 250}
print("winner while tuning:", winner, f"{max(tried.values()):.2f}")
seeds = range(6)
found = {
    name: [quality(believe, **params, seed=seed) for seed in seeds]
    for name, params in (("winner", winner), ("shipped", shipped))
}
fig, ax = plt.subplots(figsize=(7, 1.9), layout="constrained")
for y, values in enumerate(found.values()):
    ax.plot(values, [y] * len(values), "o", color="#1d4ed8", alpha=0.6)
    ax.plot(np.mean(values), y, "|", color="#c2410c", ms=24, mew=3)
ax.set(yticks=range(2), yticklabels=list(found), ylim=(-0.6, 1.6), xlim=(0, 1))
ax.set_title("Average precision on the other shop, six seeds (bar: mean)")
ax.spines[["top", "right"]].set_visible(False)
for name, values in found.items():
    print(f"{name:>8}: {np.mean(values):.2f}, between {min(values):.2f} and {max(values):.2f}")
plt.show()

# %% [markdown]
# What the winner had while tuning, and what it has here, are two figures; the second one is the one to report. And
# where the winner is not clearly above the shipped settings, as when this was written, the shipped ones stay: the
# difference between two seeds is larger than that between two settings.
#
# ## A score is not an alarm
#
# Which score is high enough? Each detector has its own scale, and it drifts. So orderwatch ranks every score among
# the last 5,000 of the same detector (`Calibration`): 0.99 means that one ordinary order in a hundred is so odd. If
# that is true, then of the calm hours, a share of 1 - s lies above s. We check it: the line should follow the dots, or
# run below them, which errs on the calm side.

# %%
rows = believe[columns].to_numpy()
raw = HalfSpaceTrees(**winner, seed=42).score_learn(rows)
calibrated = Calibration().score_learn(raw)
calm = ~believe["judged"].to_numpy() & ~np.isnan(calibrated)
limits = 1 - np.logspace(-1, -3, 15)
fig, (left, right) = plt.subplots(1, 2, figsize=(11, 3.4), layout="constrained")
left.loglog(1 - limits, 1 - limits, ":", color="black", label="what the score promises")
left.loglog(1 - limits, [np.mean(calibrated[calm] >= limit) for limit in limits], color="#1d4ed8", label="calm hours")
left.set(title="Orders above a score", xlabel="1 - score", ylabel="share of orders")
left.legend(frameon=False)
odd = believe["odd"].to_numpy()
right.plot(believe["time"][~odd], raw[~odd], ".", ms=2, color="#78716c", label="honest")
right.plot(believe["time"][odd], raw[odd], "o", ms=4, color="#c2410c", label="odd")
right.set(title="Raw scores over time", ylabel="score")
right.tick_params(axis="x", rotation=30)
right.legend(frameon=False)
plt.show()

# %% [markdown]
# Look at the right side again. Each window makes new counts, so the raw scores move in steps. And when the first
# mistake came, all scores after it fell: one absurd price stretched the scale of its feature, and every honest order
# looked alike from then on. A limit on the raw score would have missed the next two mistakes; a rank among the latest
# scores finds its level again.
#
# ## Turn it on
#
# Had the winner won, this would be its file, for `--config` and for the backtest that comes first. Knobs are settings,
# not code:
#
# ```yaml
# detectors:
#   half_space_trees:
#     params: {n_trees: 5, height: 4, window_size: 250, seed: 42}
# ```
#
# `orderwatch backtest orders.jsonl.gz --rules new.yaml` says which alerts of the past it would have added and removed;
# `05_backtest_and_budget` does that step by step.
