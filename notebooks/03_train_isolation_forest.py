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
# # 3. Train an isolation forest
#
# An isolation forest finds orders that are odd in **several features at once**, though each value alone is ordinary.
# We train one on a shop's history, measure it on a day that it has never seen, put it into the model registry, and let
# the real pipeline judge orders with it.
#
# Three mistakes make most models look better in a notebook than they are in production. Each has a guard here:
#
# * *other features than in production*: rows come from `features.compute`, the stream's own code, and the registry
#   keeps a fingerprint of it; a worker whose code or settings differ refuses the model;
# * *training on the future*: we split by time, never at random;
# * *measuring on what was learned*: the day that we measure on comes after everything that was trained on.

# %%
import json
import tempfile

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score, precision_recall_curve

import features
from config.settings import load
from models.detectors.sklearn_detector import SklearnDetector
from models.package import ModelRefused
from stream.model_registry.adding import add_detector, hash_of_rows
from stream.model_registry.manifest import Training
from stream.model_registry.registry import Registry
from stream.model_registry.serving import check_servable
from stream.replay import replay
from stream.simulator import SimulatorSettings, simulate
from stream.simulator.incidents import make

# %% [markdown]
# ## Four days of orders
#
# Three calm days to learn from, and a fourth with three mistakes: a price with a digit too few, one three times too
# high, and a product that is sold far below its price for two hours.

# %%
DAY, HOUR = 86_400.0, 3_600.0
mistakes = (
    make("price_typo", after_seconds=3 * DAY + 9 * HOUR, duration_seconds=HOUR, factor=0.1, rank=3, orders=20),
    make("price_typo", after_seconds=3 * DAY + 12 * HOUR, duration_seconds=HOUR, factor=3.0, rank=5, orders=20),
    make("margin_squeeze", after_seconds=3 * DAY + 16 * HOUR, factor=0.62, rank=2, orders=40),
)
shop = SimulatorSettings(
    seed=3, duration_seconds=4 * DAY, orders_per_second=0.07, products=200, incidents=mistakes, life_cycle=False
)
simulation = simulate(shop)
events = [event.value for event in simulation]
orders = features.compute(events, progress=False).to_pandas()
touched = {order for label in simulation.labels for order in label.order_ids}
orders["odd"] = orders["order_id"].isin(touched)
print(f"{len(orders):,} orders, {orders['odd'].sum()} of them touched by a mistake")

# %% [markdown]
# ## Split by time
#
# The first day is left out: nothing is usual yet, and its features are mostly NaN. Days two and three train, but for
# three hours at their end. Those are the **proof**: rows that the model has not learned. With them the registry checks
# that a stored model still gives the scores that it gave here, and the live stream knows from the first order on
# which scores are high.

# %%
columns = ["basket_total", "basket_size", "discount_depth", "margin", "price_deviation"]
begin = orders["time"].iloc[0].floor("h")
day = (orders["time"] - begin) / pd.Timedelta("1D")
train, proof, test = (orders[(day >= a) & (day < b)] for a, b in ((1, 2.875), (2.875, 3), (3, 4)))
{"train": len(train), "proof": len(proof), "test": len(test)}

# %% [markdown]
# ## Train
#
# `SklearnDetector` is the part that runs any scikit-learn outlier model in the pipeline. We train that part, not a
# bare model, so what is measured here is what will serve. `refit_rows=0`: it is never fitted again behind our back.

# %%
x = {name: part[columns].to_numpy() for name, part in (("train", train), ("proof", proof), ("test", test))}
forest = SklearnDetector(
    params={"n_estimators": 100}, first_fit_rows=len(train), window_rows=len(train), refit_rows=0, seed=7
)
forest.learn(x["train"])
scores = forest.score(x["test"])

# %% [markdown]
# ## Measure
#
# Of the orders that score highest, how many are really odd (**precision**), and how many of the odd ones are among
# them (**recall**)? With 1 odd order in 50, accuracy would say nothing: a model that never says anything is right in
# 98 % of the cases. The average precision sums up the curve; a coin has the share of odd orders.
#
# A single good feature is the rival to beat.

# %%
truth = test["odd"].to_numpy()
rivals = {
    "isolation forest": scores,
    "price_deviation alone": test["price_deviation"].fillna(0).to_numpy(),
    "low margin alone": -test["margin"].fillna(1).to_numpy(),
}
quality = {name: average_precision_score(truth, score) for name, score in rivals.items()}
fig, (left, right) = plt.subplots(1, 2, figsize=(11, 3.6), layout="constrained")
for (name, score), colour in zip(rivals.items(), ("#1d4ed8", "#c2410c", "#78716c"), strict=True):
    precision, recall, _ = precision_recall_curve(truth, score)
    left.plot(recall, precision, color=colour, label=f"{name}: {quality[name]:.2f}")
left.axhline(truth.mean(), color="black", lw=0.8, ls=":")
left.set(title="Precision and recall (average precision)", xlabel="recall", ylabel="precision", ylim=(0, 1.02))
left.legend(frameon=False)
bins = np.linspace(np.nanmin(scores), np.nanmax(scores), 50)
right.hist(scores[~truth], bins, density=True, color="#78716c", alpha=0.7, label="honest")
right.hist(scores[truth], bins, density=True, color="#c2410c", alpha=0.7, label="odd")
right.set(title="Scores of the forest", xlabel="score (higher is odder)", yticks=[])
right.legend(frameon=False)
plt.show()

# %% [markdown]
# The forest does **not** win here, and that is worth knowing before it is live: each of these mistakes is a wrong
# price, and for a wrong price there are features of their own. A forest is the second opinion, for what nobody has
# thought of. It may alert beside them; it does not replace them.
#
# Which mistake does it see? A single figure hides that one kind may be missed altogether. Each bar is the share of the
# orders of one mistake that score above 99 % of the honest ones.

# %%
limit = np.nanquantile(scores[~truth], 0.99)
caught = {
    f"{label.incident} ({label.entity})": np.mean(scores[test["order_id"].isin(label.order_ids)] > limit)
    for label in simulation.labels
}
fig, ax = plt.subplots(figsize=(7, 1.8), layout="constrained")
ax.barh(list(caught), list(caught.values()), color="#1d4ed8")
ax.set(title="Orders above 99 % of the honest ones", xlim=(0, 1))
ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# ## Into the registry
#
# A version keeps who made it of what: training range, hash of the rows, fingerprint of the features, library versions,
# metrics, a note. It is a *challenger* until somebody promotes it. The model is stored by skops and plain arrays;
# a pickle, which could run code, is never read. (On a terminal: `orderwatch models list`, `show`, `diff`, `promote`.)

# %%
folder = tempfile.mkdtemp(prefix="orderwatch-models-")
registry, settings = Registry.open(folder), load()
manifest = add_detector(
    registry,
    "odd-baskets",
    "sklearn_detector",
    forest,
    features=columns,
    settings=settings,
    author="notebook",
    note="first forest, simulated shop",
    rows=x["proof"],
    training=Training(
        start=train["time"].min().isoformat(),
        end=train["time"].max().isoformat(),
        rows=len(train),
        data_hash=hash_of_rows(x["train"]),
    ),
    metrics={"average_precision": quality["isolation forest"]},
)
print(manifest.label, registry.standing("odd-baskets").stage_of(1))
print("features", manifest.feature_hash[:16], "| trained with", manifest.libraries["scikit-learn"])

# %% [markdown]
# ## A worker that would compute other features refuses it
#
# Suppose somebody changes how `price_deviation` is computed. The model was not trained on that, and would be wrong
# without anybody noticing. So it is refused, in one line that says what differs.

# %%
other = load(features={"price_deviation": {"params": {"floor": 0.2}}})
try:
    registry.promote("odd-baskets", 1, author="notebook", check=lambda m, package: check_servable(m, package, other))
except ModelRefused as refused:
    print("refused:", refused)

# %% [markdown]
# ## Promote it, and let the pipeline judge with it
#
# With the settings that it was trained for it passes the check, and becomes the champion. Then the whole pipeline runs
# over the four days, with the model in it, and each alert that it had a word in says which version spoke.

# %%
registry.promote("odd-baskets", 1, author="notebook", check=lambda m, package: check_servable(m, package, settings))
serving = load(models={"registry": folder}, detectors={"sklearn_detector": {"on": True, "model": "odd-baskets"}})
alerts = []
replay(events, serving, on_alert=alerts.append)
told = [json.loads(alert.data)["data"] for alert in alerts if alert.transition == "firing"]
fourth_day = test["time"].min().isoformat()
with_a_word = [
    (data["startsAt"][11:16], data["kind"], data["order_ids"][0] in touched, one["version"], round(one["score"], 4))
    for data in told
    for one in data["detectors"]
    if one["name"] == "sklearn_detector" and data["startsAt"] >= fourth_day
]
print(f"{len(told)} alerts in all; on the fourth day the forest had a word in {len(with_a_word)}")
pd.DataFrame(with_a_word, columns=["at", "kind", "order was touched", "version", "score"])

# %% [markdown]
# **Where to go from here.** `04_tune_online_models` does the same for models that learn on the stream, and
# `05_backtest_and_budget` tells what a change would have done to the alerts of the past.
