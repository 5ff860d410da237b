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
# # 7. From challenger to champion
#
# The shop has changed for good: everything costs less, and margins are thinner. Nothing is wrong with that, but the
# model that was trained before it thinks so. This notebook goes the whole way: notice the drift, train a challenger,
# compare it with the champion on the same history, promote it, and go back.

# %%
import tempfile

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pyarrow as pa

import features
from config.settings import load
from features.drift import drifts
from features.drift_picture import draw_drift
from models.detectors.sklearn_detector import SklearnDetector
from stream.backtest.comparison import compare
from stream.backtest.run import Period, run
from stream.backtest.told import figures, headline
from stream.model_registry.adding import add_detector, hash_of_rows
from stream.model_registry.difference import differences
from stream.model_registry.manifest import Training
from stream.model_registry.registry import Registry
from stream.model_registry.serving import check_servable
from stream.simulator import SimulatorSettings, simulate
from stream.simulator.incidents import make

# %% [markdown]
# ## A shop that lowers its prices
#
# Five days. From the third one on everything sells three tenths cheaper; that is the new normal, and no incident. On
# the fifth day a real mistake is made: one product's price gets a digit too few.

# %%
DAY, HOUR = 86_400.0, 3_600.0
happens = (
    make("margin_squeeze", after_seconds=2 * DAY, duration_seconds=3 * DAY, factor=0.7, rank=None),
    make("price_typo", after_seconds=4 * DAY + 10 * HOUR, duration_seconds=HOUR, factor=0.1, rank=3, orders=20),
)
shop = SimulatorSettings(
    seed=9, duration_seconds=5 * DAY, orders_per_second=0.04, products=150, incidents=happens, life_cycle=False
)
simulation = simulate(shop)
events = [event.value for event in simulation]
typo = next(label for label in simulation.labels if label.incident == "price_typo")
table = features.compute(events, progress=False)
columns = ["basket_total", "basket_size", "discount_depth", "margin", "price_deviation"]
day = (table["time"].to_numpy() - np.datetime64(shop.start_ms, "ms")) / np.timedelta64(1, "D")
days = [table.filter(pa.array((day >= n) & (day < n + 1))) for n in range(5)]
print([part.num_rows for part in days], "orders a day")

# %% [markdown]
# ## Notice the drift
#
# `drifts` compares two tables column by column. PSI below 0.1 is little, from 0.25 much; `psi_p` is the chance of as
# much by chance. We compare the second day with the fourth.

# %%
moved = pd.DataFrame(drifts(days[1], days[3], columns)).set_index("column")
moved[["median_before", "median_after", "psi", "psi_p", "ks", "missing_before", "missing_after"]].round(3)

# %%
draw_drift(days[1], days[3], columns)

# %% [markdown]
# ## Two versions
#
# Version 1 was trained before the change, on day two. Version 2 is its challenger, trained on day four. Both leave
# every fourth order of their day unlearned, as the proof: by those orders a score gets its rank (see
# `03_train_isolation_forest`).

# %%
folder = tempfile.mkdtemp(prefix="orderwatch-models-")
registry, settings = Registry.open(folder), load()


def add(part, note):
    """Train on three quarters of a day's rows, and keep the model with the others as its proof."""
    rows = part.select(columns).to_pandas().to_numpy()
    kept_out = np.arange(len(rows)) % 4 == 0
    train, proof = rows[~kept_out], rows[kept_out]
    forest = SklearnDetector(
        params={"n_estimators": 50}, first_fit_rows=len(train), window_rows=len(train), refit_rows=0, seed=1
    )
    forest.learn(train)
    first, last = (part["time"][i].as_py().isoformat() for i in (0, -1))
    training = Training(start=first, end=last, rows=len(train), data_hash=hash_of_rows(train))
    return add_detector(
        registry, "odd-baskets", "sklearn_detector", forest, features=columns, settings=settings, author="notebook",
        note=note, rows=proof, training=training,
    )  # fmt: skip


def may_serve(manifest, package):
    """What a worker of these settings would say of it."""
    check_servable(manifest, package, settings)


add(days[1], "before the price cut")
registry.promote("odd-baskets", 1, author="notebook", note="the first one", check=may_serve)
add(days[3], "after the price cut")
[f"odd-baskets@{n}: {registry.standing('odd-baskets').stage_of(n)}" for n in registry.versions("odd-baskets")]

# %%
one, two = (registry.manifest("odd-baskets", n) for n in (1, 2))
pd.DataFrame(
    [(d.what, str(d.before)[:40], str(d.after)[:40]) for d in differences(one, two)], columns=["what", "1", "2"]
)

# %% [markdown]
# ## What each makes of the fifth day
#
# First the scores, ranked by each model's own reference. For ordinary orders of the shop that a model knows, every rank
# is as frequent as any other: the bars are level with the line. A model of yesterday's shop finds all orders rather
# odd, and bars pile up on the right. The marks are the typo's orders: the further right, the better they stand out.

# %%
fifth = days[4].select(columns).to_pandas().to_numpy()
honest = ~np.isin(days[4]["order_id"].to_numpy(zero_copy_only=False), typo.order_ids)
fig, axes = plt.subplots(1, 2, figsize=(10, 3), layout="constrained", sharey=True)
for number, ax in enumerate(axes, 1):
    detector, calibration = check_servable(*registry.load(f"odd-baskets@{number}"), settings).fresh()
    ranks = calibration.score(detector.score(fifth))
    ax.hist(ranks[honest], bins=25, range=(0, 1), density=True, color="#78716c")
    ax.plot(ranks[~honest], np.full((~honest).sum(), 0.3), "|", color="#c2410c", ms=14, label="the typo's orders")
    ax.axhline(1, color="black", lw=0.8, ls=":")
    ax.set(title=f"version {number}", xlabel="rank of the score")
    print(f"version {number}: median rank of an honest order {np.median(ranks[honest]):.2f}, "
          f"of the typo's {np.median(ranks[~honest]):.4f}")  # fmt: skip
axes[0].set_ylabel("density of honest orders")
axes[0].legend(frameon=False, loc="upper left")
plt.show()

# %% [markdown]
# Then the alerts. The whole pipeline judges the five days with either version in it (`05_backtest_and_budget`), and
# only the fifth day counts. This is the comparison that decides, because alerts are what people see. Do not expect a
# revolution: the pipeline ranks scores anew all the time, so even yesterday's model finds its level within some
# thousand orders, and a wrong price has rules and features of its own. Where the alerts are the same, the ranks above
# decide: version 2 knows the shop of today.

# %%
versions = [
    load(models={"registry": folder}, detectors={"sklearn_detector": {"on": True, "model": f"odd-baskets@{number}"}})
    for number in (1, 2)
]
period = Period(begin_ms=shop.start_ms + 4 * 86_400_000)
runs = [run(events, version, period=period) for version in versions]
found = compare(*runs, period, tuple(versions), [typo])
print(headline(found))
pd.DataFrame(figures(found), columns=["", "version 1", "version 2"]).set_index("")

# %% [markdown]
# ## Promote, and go back
#
# A promotion is checked first (features, libraries, and that the stored model gives the scores of its proof) and
# written down with who did it and why. Nothing is overwritten, so going back is one step, and is written down too.

# %%
registry.promote("odd-baskets", 2, author="notebook", note="trained after the price cut", check=may_serve)
registry.rollback("odd-baskets", author="notebook", note="to show that it can be done", check=may_serve)
pd.DataFrame(
    [
        (change.action, change.version, change.line[-1].version, change.note)
        for change in registry.history("odd-baskets")
    ],
    columns=["action", "version", "champion then", "note"],
)

# %% [markdown]
# On a terminal the same steps are `orderwatch models list`, `diff`, `promote` and `rollback`. With `model: odd-baskets`
# in the settings of its detector a worker serves the champion, and each alert names the version that spoke. It need not
# be started again: the commands tell every worker over Kafka, and each swaps the model between two batches, once the
# same checks have passed there.
#
# Until then the newest challenger scores every live order **in shadow**: nobody hears of it, and
# `orderwatch models compare odd-baskets@2` tells how it does beside the champion. What that must show before anybody
# may promote it is for the team to say, under `models.promotion` in the settings.
