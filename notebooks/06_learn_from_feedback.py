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
# # 6. Learn from feedback
#
# An analyst who answers an alert knows something that no model knows: whether it was right. `orderwatch feedback give
# ALERT VERDICT` keeps that word as an event on a topic of its own. Two things follow from it, and this notebook shows
# both on a simulated shop:
#
# * **online**: a false alert asks its entity for rarer scores, within bounds; a condition that is expected is not told
#   for a while, unless it becomes expensive;
# * **offline**: the words are labels, each with the time at which it was known, for the next training.
#
# There are five words. `true`: right, and worth telling. `false`: nothing was wrong. `expected`: right, but meant to be
# so, a sale for example. `duplicate`: told already. `wrong_owner`: right, and another team's. The last two say nothing
# against the detector, so they change no bar.

# %%
import json

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.metrics import average_precision_score

import features
from config.settings import load
from models.detectors.sklearn_detector import SklearnDetector
from stream.feedback.event import feedback_on
from stream.feedback.labels import labelled
from stream.pipeline import Pipeline
from stream.replay import batches
from stream.simulator import SimulatorSettings, simulate
from stream.simulator.incidents import make

# %% [markdown]
# ## A shop whose settings talk too much
#
# Three days with three mistakes: a price three times too high on the second day and on the third, and a product that is
# sold far below its price in the third day's afternoon. The settings ask for little before they tell, and the budget
# lets everything through: so there is much for an analyst to wave aside. (`05_backtest_and_budget` is the better way
# to quieten settings like these. Here they are to learn from.)

# %%
DAY, HOUR = 86_400.0, 3_600.0
mistakes = (
    make("price_typo", after_seconds=DAY + 9 * HOUR, duration_seconds=HOUR, factor=3.0, rank=3, orders=20),
    make("price_typo", after_seconds=2 * DAY + 12 * HOUR, duration_seconds=HOUR, factor=3.0, rank=5, orders=20),
    make("margin_squeeze", after_seconds=2 * DAY + 16 * HOUR, factor=0.62, rank=2, orders=40),
)
shop = SimulatorSettings(
    seed=3, duration_seconds=3 * DAY, orders_per_second=0.07, products=200, incidents=mistakes, life_cycle=False
)
simulation = simulate(shop)
events = [event.value for event in simulation]
touched = {order for label in simulation.labels for order in label.order_ids}
settings = load(
    judge={"alert_score": 0.99, "family_alert_score": {"behaviour": 0.98, "price": 0.98, "promotion": 0.98}},
    alerts={"budget_per_day": 400, "cooldown_seconds": 60, "resolve_after_seconds": 120},
    feedback={"on": True},
)


def firing(words):
    """The alerts that fire when this was said of them, and the pipeline that told them."""
    pipeline = Pipeline(settings)
    for word in words:
        pipeline.feedback.take(word)
    told = []
    for partition, records in batches(events, settings.kafka.partitions, 2_000):
        told += pipeline.process(partition, records).alerts
    told += pipeline.finish().alerts
    return [alert for alert in told if alert.transition == "firing"], pipeline


def is_right(alert):
    """Whether an alert names an order that a mistake has touched: what a careful analyst would find out."""
    return any(order in touched for order in json.loads(alert.data)["data"]["order_ids"])


alerts, _ = firing([])
third_day = shop.start_ms + int(2 * DAY * 1000)
pd.crosstab(
    [alert.kind for alert in alerts], [("right" if is_right(alert) else "wrong") for alert in alerts],
    rownames=["kind"], colnames=["the alert was"],
)  # fmt: skip

# %% [markdown]
# ## Two days of answers
#
# Our analyst answers each alert of the first two days ten minutes after it came, and is always right. (Real ones are
# not, and do not answer everything: that is why what follows is bounded, and forgotten after `feedback.keep_seconds`.)
# The third day is left to see what was learned.

# %%
words = [
    feedback_on(alert.data, "true" if is_right(alert) else "false", at_ms=alert.time_ms + 600_000, author="ann")
    for alert in alerts
    if alert.time_ms < third_day
]
words[0]

# %% [markdown]
# ## What changes online
#
# Each `false` raises the bar of its entity within its family by `feedback.step_decades` (half a power of ten: scores
# must be three times as rare), and that of the whole family by a fifth of it; each `true` takes a step back. No bar is
# higher than `feedback.max_decades`. What a fixed rule finds has a score of all but 1, and passes any bar.
#
# A word holds from the time at which it was given, in event time. So the same log of orders and the same log of
# feedback give the same alerts, whenever they are read.

# %%
after, listening = firing(words)
hours = np.arange(0, 72)
fig, (left, right) = plt.subplots(1, 2, figsize=(11, 3.4), layout="constrained")
for channel, colour in zip(("app", "web", "tmall"), ("#1d4ed8", "#c2410c", "#15803d"), strict=True):
    bar = [
        listening.feedback.bar_decades("behaviour.odd_order", "channel", channel, shop.start_ms + int(h * 3_600_000))
        for h in hours
    ]
    left.step(hours, bar, color=colour, label=channel)
left.axhline(settings.feedback.max_decades, color="black", lw=0.8, ls=":")
left.set(title="Bar of odd orders, by channel", xlabel="hour", ylabel="powers of ten")
left.legend(frameon=False)
counts = [
    [sum(is_right(alert) == good for alert in some if alert.time_ms >= third_day) for good in (True, False)]
    for some in (alerts, after)
]
for at, (good, bad) in enumerate(counts):
    right.barh(at, good, color="#15803d")
    right.barh(at, bad, left=good, color="#d6d3d1")
right.set(title="Alerts of the third day: right, and wrong", yticks=[0, 1], yticklabels=["as before", "with feedback"])
for ax in (left, right):
    ax.spines[["top", "right"]].set_visible(False)
plt.show()
print(
    f"third day: {counts[0][0]} right and {counts[0][1]} wrong before, {counts[1][0]} and {counts[1][1]} with feedback"
)

# %% [markdown]
# Look at both halves of that line. Most of the wrong alerts are gone, and a few right ones with them: odd orders of a
# channel whose odd orders had been wrong again and again. That is the price, `feedback.max_decades` is its limit, and
# `true` on one of the alerts that are left takes a step back.
#
# ## Expected, unless it becomes expensive
#
# Suppose that the sale below price on the third day was agreed on. Somebody says `expected` of the first alert about
# it, and it is not told again for `feedback.suppress_seconds`. What is hidden meanwhile is counted, and `orderwatch
# feedback list` shows it. A suppression is a promise that nothing much can happen, so it ends by itself where that is
# not so: as soon as it has hidden more than `feedback.loss_limit`, the condition is told again, with all that was lost.

# %%
costly = [
    (alert, json.loads(alert.data)["data"])
    for alert in alerts
    if alert.time_ms >= third_day and json.loads(alert.data)["data"]["impact"]
]
first, data = max(costly, key=lambda one: float(one[1]["impact"]["loss"]))
agreed = feedback_on(first.data, "expected", at_ms=first.time_ms - 12 * 3_600_000, author="ben", note="agreed on")
_, quiet = firing([*words, agreed])
[suppression] = quiet.feedback.suppressions()
print(f"{first.kind} of {data['entity']['type']} {data['entity']['key']}")
print(
    f"hidden: {suppression.hidden.count} signs worth {suppression.hidden.loss_e4 / 10_000:,.2f} "
    f"{suppression.hidden.currency}; told again: {bool(suppression.hidden.lifted_ms)} "
    f"(limit {settings.feedback.loss_limit:,.0f})"
)

# %% [markdown]
# ## Labels, and when they were known
#
# A model that is trained on Tuesday may not use what was found out on Thursday. So each label carries its time.
# Silence is a label too, but only after a while: an order of which nobody has said anything for
# `feedback.maturity_seconds` counts as ordinary. (The default is a week; here it is six hours, since the shop is only
# three days old.) In the picture, each column is what was known at that hour of all orders placed by then.

# %%
table = features.compute(events, progress=False)
six_hours = 6 * HOUR


def known_at(hour):
    """The orders placed before an hour, with the labels that were known then."""
    as_of_ms = shop.start_ms + int(hour * 3_600_000)
    rows = labelled(table, words, as_of_ms=as_of_ms, maturity_seconds=six_hours).to_pandas()
    return rows[rows["time"] < pd.Timestamp(as_of_ms, unit="ms", tz="UTC")]


looks = range(4, 73, 4)
snapshots = [known_at(hour) for hour in looks]
shares = {
    "not known yet": [(rows["label_from"] == "").sum() for rows in snapshots],
    "ordinary, by silence": [(rows["label_from"] == "maturity").sum() for rows in snapshots],
    "an analyst's word": [(rows["label_from"] == "feedback").sum() for rows in snapshots],
}
fig, ax = plt.subplots(figsize=(8, 3), layout="constrained")
ax.stackplot(list(looks), *shares.values(), labels=list(shares), colors=["#d6d3d1", "#93c5fd", "#c2410c"])
ax.set(title="Orders by what was known of them", xlabel="hour", ylabel="orders")
ax.legend(frameon=False, loc="upper left")
ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# ## Train without what was found to be wrong
#
# An isolation forest learns what is usual. Orders that analysts found abnormal should not be among its lessons. We
# train two forests at the end of the second day, on the orders whose label was known then: one on all of them, and one
# without those that were found abnormal. Both are measured on the third day. The gain is small here, since few orders
# were touched; with a mistake that lasts for weeks it is not. What matters is the way: `labelled` with `as_of_ms`,
# then only rows whose label is 0.

# %%
columns = ["basket_total", "basket_size", "discount_depth", "margin", "price_deviation"]
known = known_at(48)
known = known[known["label"].notna()]
test = table.to_pandas()
test = test[test["time"] >= pd.Timestamp(third_day, unit="ms", tz="UTC")]
truth = test["order_id"].isin(touched).to_numpy()
quality = {}
for name, rows in (("all", known), ("without the abnormal", known[known["label"] == 0])):
    forest = SklearnDetector(
        params={"n_estimators": 100}, first_fit_rows=len(rows), window_rows=len(rows), refit_rows=0, seed=7
    )
    forest.learn(rows[columns].to_numpy())
    quality[name] = average_precision_score(truth, np.nan_to_num(forest.score(test[columns].to_numpy())))
fig, ax = plt.subplots(figsize=(7, 1.6), layout="constrained")
ax.barh(list(quality), list(quality.values()), color=["#78716c", "#1d4ed8"])
ax.axvline(truth.mean(), color="black", lw=0.8, ls=":")
ax.set(title="Average precision on the third day (dotted: a coin)", xlim=(0, 1))
ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# **Where to go from here.** `07_from_challenger_to_champion` brings a retrained model into service. With
# `feature_log.on` and `orderwatch archive` the rows come from production instead of a simulation, and
# `orderwatch models compare NAME@VERSION --features FOLDER` tells precision and recall of a challenger in shadow, by
# these very labels.
