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
# # 1. Look at orders
#
# This notebook is for the first hour with orderwatch. We make two days of a shop that does not exist, look at one
# order, turn all of them into numbers (**features**), and find the incident that we hid in them: first with our own
# eyes, then with the alerts that orderwatch raises by itself.
#
# Nothing here needs Kafka or Redis. The code that computes the features is the code that runs on the live stream: a
# value that you see here is, to the last bit, the one that a worker would have seen.

# %%
import json

import matplotlib.pyplot as plt
import numpy as np

import features
from config.settings import load
from stream.replay import replay
from stream.simulator import SimulatorSettings, simulate
from stream.simulator.incidents import make

# %% [markdown]
# ## A shop, and something that goes wrong in it
#
# The simulator is seeded: the same settings give the same bytes. It follows real shops in what matters here: the
# rhythm of a week, prices that differ from product to product, few products that sell much and many that sell little.
#
# On the second day somebody enters one product's price with a digit too few, for 45 minutes.

# %%
DAY, HOUR = 86_400.0, 3_600.0
typo = make("price_typo", after_seconds=DAY + 12 * HOUR, duration_seconds=45 * 60.0, factor=0.1, rank=3)
shop = SimulatorSettings(duration_seconds=2 * DAY, orders_per_second=0.05, products=200, incidents=(typo,))
simulation = simulate(shop)
events = [event.value for event in simulation]
print(f"{len(events):,} events")

# %% [markdown]
# ## One event
#
# An event is one JSON message. Everything that happens to an order is an event of its own: it is created, paid,
# approved, shipped, delivered. Amounts are text, so that no cent is lost on the way.

# %%
first = json.loads(events[0])
print(json.dumps(first, indent=2))

# %% [markdown]
# ## From events to features
#
# `features.compute` reads the events in their order, and gives one row an order. A feature says how an order compares
# with what came **before** it. For example, `price_deviation` is how far a price lies from what this product usually
# costs, in spreads: 0 is usual, 1 happens every day, 20 does not.
#
# NaN means *there is nothing to say yet*: a product that was never sold has no usual price. It is never silently
# turned into a 0.

# %%
table = features.compute(events, progress=False)
orders = table.to_pandas()
columns = ["basket_total", "basket_size", "discount_depth", "margin", "price_deviation"]
orders[["time", "order_id", *columns]].tail()

# %%
orders[columns].describe().T.join(orders[columns].isna().mean().rename("missing")).round(3)

# %% [markdown]
# ## The rhythm of a shop
#
# Orders follow the day. That is why a count alone says little: 20 orders an hour are few at nine in the evening and
# many at four in the morning. (Times are UTC, this shop is in Shanghai: its night begins at 16:00.)

# %%
per_hour = orders.set_index("time").resample("1h").size()
fig, ax = plt.subplots(figsize=(10, 3), layout="constrained")
ax.step(per_hour.index, per_hour.to_numpy(), where="post", color="#1d4ed8")
ax.set(title="Orders an hour", ylabel="orders", ylim=(0, None))
ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# ## What the features look like
#
# Most features are narrow around what is usual, and have a tail. The tail is where to look, but a tail is not an
# incident: somebody has to buy the most expensive basket of the day.

# %%
fig, axes = plt.subplots(1, len(columns), figsize=(13, 2.6), layout="constrained")
for ax, name in zip(axes, columns, strict=True):
    ax.hist(orders[name].dropna(), bins=60, color="#78716c", log=True)
    ax.set_title(name, fontsize="medium")
axes[0].set_ylabel("orders (log)")
plt.show()

# %% [markdown]
# ## The incident
#
# The simulator knows what it did: `labels` names the orders that the typo touched. We draw every order by the
# deviation of its prices, and mark those.

# %%
(label,) = simulation.labels
touched = orders["order_id"].isin(label.order_ids)
fig, ax = plt.subplots(figsize=(10, 3.4), layout="constrained")
ax.plot(orders["time"][~touched], orders["price_deviation"][~touched], ".", color="#78716c", ms=3, label="orders")
ax.plot(orders["time"][touched], orders["price_deviation"][touched], "o", color="#c2410c", ms=5, label="the typo's")
ax.set(title="How far prices lie from usual", ylabel="spreads", yscale="symlog", ylim=(0, None))
ax.legend(frameon=False)
ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# The first hours are empty: nothing is usual yet. At the shop's second midnight (16:00) honest prices begin to deviate
# as well, because shops change their prices overnight; the usual level follows them slowly. So a fixed limit on one
# feature is a bad alarm. orderwatch therefore ranks each value among the last thousands of its kind, combines what
# several features say, and asks for an effect that is large in absolute terms as well.
#
# ## What orderwatch says of it
#
# `replay` leads the events through the whole pipeline: rules, online models, grouping, and the day's budget of alerts.

# %%
found = []
summary = replay(events, load(), on_alert=found.append)
print(f"{summary.events:,} events, {summary.alerts} alerts of {summary.conditions} conditions")
for alert in found:
    data = json.loads(alert.data)["data"]
    if alert.transition == "firing" and alert.time_ms >= label.starts_at_ms and data["kind"].startswith("price"):
        print(f"\n{data['startsAt']}  {data['severity']}  {data['kind']}\n  {data['summary']}")
        print(f"  owner: {data['owner']}. {data['recommended_action']}")

# %% [markdown]
# How soon? The alert has to come while the price is still wrong.

# %%
about = label.entity.split("/")[1]
mine = [a for a in found if json.loads(a.data)["data"]["entity"]["key"] == about and a.transition == "firing"]
delay_seconds = (min(alert.time_ms for alert in mine) - label.starts_at_ms) / 1_000
lost = np.sum([shown > mine[0].time_ms for shown in label.shows_ms])
print(
    f"{delay_seconds:.0f} s after the first wrong order; {lost} of {len(label.order_ids)} wrong orders came after that"
)

# %% [markdown]
# **Where to go from here.** The features of stages (how long a parcel took) are `features.compute(events,
# rows="event")`, those of single lines `rows="line"`. `02_write_a_feature` adds one of your own.
