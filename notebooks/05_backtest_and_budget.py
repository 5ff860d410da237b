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
# # 5. Backtest a change, and choose a budget
#
# A setting is easily changed, and what that does to the alerts is hard to guess: conditions are grouped, silenced
# for a while, explained away by others, and rationed by the day's budget. So orderwatch runs the **whole** pipeline
# over the past, twice: with the old settings and with the new ones. This notebook does it step by step; on a terminal
# it is
#
# ```
# orderwatch backtest orders.jsonl.gz --rules new.yaml --from 2026-03-03 --markdown report.md --html report.html
# ```

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import pandas as pd
from IPython.display import HTML, Markdown

from config.promotions import PromotionRegister
from config.settings import DEFAULT_FILE, load
from stream.backtest.comparison import compare
from stream.backtest.labelled import held_against
from stream.backtest.markdown import markdown
from stream.backtest.run import Period, run
from stream.backtest.svg import timeline
from stream.simulator import SimulatorSettings, promotions_of, simulate
from stream.simulator.incidents import make

# %% [markdown]
# ## History
#
# A day and a half of a small shop, with six incidents in its last twelve hours. Real history has no labels; the
# simulator's says what happened, so we can also count what was missed.

# %%
HOUR = 3_600.0
incidents = (
    make("price_typo", after_seconds=25 * HOUR, duration_seconds=1_800.0, factor=0.1, rank=3),
    make("duplicate_submission", after_seconds=27 * HOUR, duration_seconds=1_800.0),
    make("promotion_stacking", after_seconds=29 * HOUR, duration_seconds=1_800.0, orders=60),
    make("malformed", after_seconds=31 * HOUR, duration_seconds=1_800.0),
    make("price_typo", after_seconds=33 * HOUR, duration_seconds=1_800.0, factor=10.0, rank=0),
    make("wrong_amount", after_seconds=34 * HOUR, duration_seconds=1_800.0),
)
shop = SimulatorSettings(
    seed=5, duration_seconds=36 * HOUR, orders_per_second=0.06, products=200, incidents=incidents,
    latency_scale=1 / 240, promise_sigmas=3.0,
)  # fmt: skip
simulation = simulate(shop)
events, labels = [event.value for event in simulation], simulation.labels
register = PromotionRegister.parse(promotions_of(shop))
print(f"{len(events):,} events, {len(labels)} labels")

# %% [markdown]
# ## Old and new
#
# The new settings are a YAML file that is laid over the old ones. Here: prices may deviate ten times as far before
# anybody is called, sales below cost are tolerated up to a tenth of the cost, and duplicate orders are no longer looked
# for.
#
# The pipeline reads history **from its start**, since what comes before the period is what the models learn from. Only
# alerts of the period count.

# %%
new_yaml = Path(tempfile.mkdtemp(prefix="orderwatch-")) / "new.yaml"
new_yaml.write_text("""
detectors:
  price_outlier: {params: {min_spreads: 60}}
rules:
  price_below_cost: {params: {tolerance_share: 0.1}}
  duplicate_order: {on: false}
""")
demo = DEFAULT_FILE.with_name("demo.yaml")  # a shop whose parcels arrive within hours
old, new = load(demo), load(demo, new_yaml)
period = Period(begin_ms=shop.start_ms + 24 * 3_600_000)
before, after = (run(events, settings, register, period) for settings in (old, new))
found = compare(before, after, period, (old, new), labels)

# %% [markdown]
# ## What the change would have done
#
# An alert is the same in both runs if it is about the same condition and was open at the same time. Precision is the
# share of alerts that belong to an incident, recall the share of incidents that were caught; both with the interval
# (Wilson, 95 %) in which the true share may lie. With so few incidents the intervals are wide, and that is the point:
# a difference of one incident proves nothing yet. This is the report that goes into the pull request:

# %%
Markdown(markdown(found, "Calmer prices"))

# %%
HTML(f"""<style>.new {{fill: #1d4ed8}} .old {{fill: #c2410c}} .same {{fill: #78716c}} .grid {{stroke: #8884}}
.axis {{stroke: currentColor}} svg text {{font-size: 12px}}</style>
<p>▲ added, ▼ removed, ● unchanged</p>{timeline(found)}""")

# %% [markdown]
# Read it from the removed ones: is there an incident that **only** these alerts told? `newly missed` says so. Few
# alerts less may be worth nothing, if the one incident that matters is among them.

# %%
print("newly missed:", *found.newly_missed, sep="\n  ")
pd.DataFrame(
    [(one.kind, one.entity, f"{one.loss} {one.currency}", one.summary[:60]) for one in found.alerts.removed[:8]],
    columns=["kind", "about", "loss", "what"],
)

# %% [markdown]
# ## How many alerts a day?
#
# `alerts.budget_per_day` is how many alerts each family (price, payment, …) may tell in 24 hours. Fewer is calmer, and
# at some point incidents are lost. Which are told is not first come, first served: a condition is ranked by how sure
# and how costly it is. So the first alerts that a smaller budget takes away are the least worth, and the curve is flat
# before it falls. We run history with several budgets and look.

# %%
budgets = (1, 2, 5, 20)
rows = []
for budget in budgets:
    calm = run(events, load(demo, alerts={"budget_per_day": budget}), register, period)
    known = held_against(labels, calm.episodes, period)
    lost = 1 - known.loss_caught_minor / known.loss_minor
    rows.append((budget, len(calm.episodes), sum(calm.held_back.values()), known.recall, known.precision, lost))
table = pd.DataFrame(rows, columns=["budget", "alerts", "held_back", "recall", "precision", "loss_missed"])
table.assign(recall=table["recall"].map(str), precision=table["precision"].map(str))

# %%
fig, (left, right) = plt.subplots(1, 2, figsize=(11, 3.2), layout="constrained")
left.plot(table["budget"], table["alerts"], "o-", color="#1d4ed8")
left.set(title="Alerts told in the half day", xlabel="budget a day and family", xscale="log", ylim=(0, None))
for name, colour in (("recall", "#1d4ed8"), ("precision", "#c2410c")):
    share = [one.share for one in table[name]]
    spread = [[one.share - one.low for one in table[name]], [one.high - one.share for one in table[name]]]
    right.errorbar(table["budget"], share, spread, fmt="o-", color=colour, capsize=4, label=name)
right.set(title="Of the incidents, and of the alerts", xlabel="budget a day and family", xscale="log", ylim=(0, 1.05))
right.legend(frameon=False, loc="lower right")
for ax in (left, right):
    ax.set_xticks(budgets, map(str, budgets))
    ax.minorticks_off()
    ax.spines[["top", "right"]].set_visible(False)
plt.show()

# %% [markdown]
# What a smaller budget held back is counted (`held_back`), never lost without a trace; and what the policy marks as
# `always` goes past it. Choose the smallest budget whose recall you can live with, then set it for single families
# (`alerts.family_budget_per_day`) where one of them is noisier than the others.
