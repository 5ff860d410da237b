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
# # 2. Write a feature
#
# A feature is one column that an expert of orders would ask for. This notebook takes an idea, tries it on simulated
# orders with the stream's own code, checks the one law that every feature must keep, and says what it takes to turn
# it on in the live stream: one file.
#
# **The idea.** Someone types the quantity of a line wrong: 40 pieces instead of 4. The basket's total may still be
# ordinary (others buy televisions), and the price is right, so neither shows it. But in the order one line outweighs
# all the others. So: *what share of the goods' value does the dearest line make up?*

# %%
import json

import matplotlib.pyplot as plt
import numpy as np
import pyarrow as pa
from sklearn.metrics import roc_auc_score

import features
from config.settings import load
from features.batch import Column
from features.drift_picture import draw_drift
from features.feature import Feature
from features.offline import OfflineLog
from stream.simulator import SimulatorSettings, simulate

# %% [markdown]
# ## The feature
#
# A feature gets a **batch**: the events of one partition as columns, not as objects. `batch.created` has a row for
# each order, `batch.lines` a row for each line, and `batch.lines.order` says which order a line belongs to. So there
# is no loop over orders: numpy adds up lines by order in one call.
#
# What has no answer is NaN: here an order of one line (it is always 100 %), or of goods that cost nothing.


# %%
class DearestLineShare(Feature):
    """Value of the dearest line / value of all lines, of orders with at least two: 0.5 to 1 where there are two."""

    level = "created"
    unit = "share of goods"

    def transform(self, batch):
        """The share of each order placed."""
        lines, n = batch.lines, len(batch.created)
        value = (lines.price_minor * lines.quantity).astype(np.float64)
        dearest, goods = np.zeros(n), np.bincount(lines.order, value, minlength=n)
        np.maximum.at(dearest, lines.order, value)
        share = np.full(n, np.nan)
        several = np.bincount(lines.order, minlength=n) > 1
        np.divide(dearest, goods, out=share, where=several & (goods > 0))
        return Column.of(share)


# %% [markdown]
# ## Orders to try it on
#
# Half a day of orders. For the mistake itself we take every fiftieth order of several lines and multiply the quantity
# of its first line by ten: so we know which orders should stand out.

# %%
shop = SimulatorSettings(seed=11, duration_seconds=43_200.0, orders_per_second=0.5, life_cycle=False)
honest = [event.value for event in simulate(shop)]
orders = [json.loads(value) for value in honest]
baskets = [order for order in orders if len(order.get("line_items", ())) > 1]
wrong = baskets[::50]
for order in wrong:
    order["line_items"][0]["quantity"] *= 10
mistyped = {order["order_id"] for order in wrong}
events = [json.dumps(order).encode() for order in orders]
print(f"{len(orders):,} orders, {len(baskets):,} of several lines, {len(mistyped)} with a quantity that is wrong")

# %% [markdown]
# ## Run it as the stream would
#
# `OfflineLog` is the stream's own reading: bytes to columns, duplicates left out, partitions kept apart. What it gives
# are batches, in which every other feature has been computed already; ours comes on top.


# %%
def column_of(feature, messages, block=5_000):
    """The feature's values by order, reading `block` messages at a time."""
    log, found = OfflineLog(load()), {}
    for start in range(0, len(messages), block):
        for part in log.read(messages[start : start + block]):
            batch = part.batch
            ids = [batch.order_id[i] for i in batch.created.at.tolist()]
            found |= dict(zip(ids, feature.transform(batch).values.tolist(), strict=True))
    return found


share = column_of(DearestLineShare(), events)
table = features.compute(events, progress=False).to_pandas()
table["dearest_line_share"] = table["order_id"].map(share)
table["mistyped"] = table["order_id"].isin(mistyped)
table[["order_id", "basket_total", "basket_size", "dearest_line_share", "mistyped"]].query("mistyped").head()

# %% [markdown]
# ## The law: where the stream is cut must not show
#
# Batches are of any size: at night one order, after a restart four thousand. A feature that gives other values for
# other cuts would make an alert depend on the speed of the network. Ours looks at each order alone, so it keeps the
# law; we check all the same, to the last bit. (`tests/test_features.py` does that for every feature by itself.)

# %%
whole, cut = (column_of(DearestLineShare(), events, block) for block in (5_000, 37))
same = np.array(list(whole.values())).tobytes() == np.array([cut[order] for order in whole]).tobytes()
print("the same bits, however the stream is cut:", same)
assert same

# %% [markdown]
# ## Does it tell the wrong orders from the others?
#
# Two ways to look. First the distributions, with the measures that `features.drift` computes: PSI of 0.25 or more is
# a large difference. Then one figure for each feature: how often a wrong order has a higher value than an honest one
# (the area under the ROC curve: 0.5 is a coin, 1 is perfect).

# %%
several = table[table["dearest_line_share"].notna()]
names = ["dearest_line_share", "basket_total", "basket_size"]
good, bad = (pa.Table.from_pandas(several.loc[several["mistyped"] == is_bad, names]) for is_bad in (False, True))
draw_drift(good, bad, names)  # before: honest orders, after: mistyped ones

# %%
auc = {name: roc_auc_score(several["mistyped"], several[name].fillna(several[name].median())) for name in names}
fig, ax = plt.subplots(figsize=(6, 1.8), layout="constrained")
ax.barh(list(auc), list(auc.values()), color=["#1d4ed8", "#78716c", "#78716c"])
ax.axvline(0.5, color="black", lw=1)
ax.set(title="Area under the ROC curve (0.5: a coin)", xlim=(0, 1))
ax.spines[["top", "right"]].set_visible(False)
for name, area in auc.items():
    print(f"{name:>20}: {area:.2f}")
plt.show()

# %% [markdown]
# An honest look at the result: `basket_size` (pieces in the order, against what is usual) already sees ten times the
# pieces, and sees them in orders of one line too. The share of the dearest line sees something as well, but on this
# mistake it is not the better feature. That is what a notebook is for: most ideas end here, and cost an hour.
#
# ## From here to the live stream
#
# Had it won, this is all that is missing:
#
# 1. the class, with types and a docstring, in `features/columns/dearest_line_share.py` (`discount_depth.py` is one to
#    copy; for a value that has a usual level by product or channel, `price_deviation.py`);
# 2. one line in the settings: `features: {dearest_line_share: {on: true}}`;
# 3. a detector that reads it: add its name to `detectors.half_space_trees.features`, or write an outlier
#    (`models/outliers/discount_outlier.py` is one to copy).
#
# There is no list to add it to. `orderwatch parts` shows it, `tests/test_features.py` finds it and holds it to the
# law, and `features.compute` gives its column, here and in every other notebook.
