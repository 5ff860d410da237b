"""What the other watchers see of a trial: the features that orderwatch itself computes, as plain columns."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray

from features.compute import compute
from stream.evaluation.trial import Trial

FEATURES: Final = ("basket_total", "basket_size", "discount_depth", "promotion_depth", "margin", "price_deviation")
"""Features of an order that say how unusual it is; those that are on in the trial's settings are used."""
_STAGE: Final = "stage_latency"


@dataclass(frozen=True, slots=True, eq=False)
class OrderTable:
    """One row an order: when, which, of which channel, and `x`, one column for each of `names`; 0 where unknown.

    `stage_time_ms`, `stage_order`, `stage_latency` have a row for each later stage of an order that has a latency.
    """

    names: tuple[str, ...]
    time_ms: NDArray[np.int64]
    order_id: list[str]
    x: NDArray[np.float64]
    channel: list[str]
    stage_time_ms: NDArray[np.int64]
    stage_order: list[str]
    stage_latency: NDArray[np.float64]


class _Created(msgspec.Struct):
    order_id: str
    channel: str


@lru_cache(maxsize=1)
def order_table(trial: Trial) -> OrderTable:
    """The table of a trial; the last one is kept, since every watcher asks for the same."""
    orders = compute(trial.lines, trial.settings, progress=False)
    names = tuple(name for name in FEATURES if name in orders.column_names)
    x = np.column_stack([orders[name].to_numpy() for name in names])
    ids = orders["order_id"].to_pylist()
    channels = _channels(trial.lines)
    stages = compute(trial.lines, trial.settings, rows="event", progress=False)
    latency = stages[_STAGE].to_numpy() if _STAGE in stages.column_names else np.full(len(stages), np.nan)
    known = np.flatnonzero(np.isfinite(latency))
    return OrderTable(
        names,
        orders["time"].cast("int64").to_numpy(),
        ids,
        np.nan_to_num(x, nan=0.0, posinf=0.0, neginf=0.0),
        [channels.get(order, "") for order in ids],
        stages["time"].cast("int64").to_numpy()[known],
        stages["order_id"].take(known).to_pylist(),
        latency[known],
    )


def _channels(lines: list[bytes]) -> dict[str, str]:
    decode = msgspec.json.Decoder(_Created).decode
    found = {}
    for line in lines:
        if b'"order.created"' in line:
            try:
                created = decode(line)
            except msgspec.DecodeError:  # a broken message: nobody reads it
                continue
            found[created.order_id] = created.channel
    return found
