"""A slice as arrays, and back: what a series counts is named once a key, not once an occurrence."""

from __future__ import annotations

from typing import Final

import numpy as np

from features.batch import I64
from features.order_slice import OrderSlice
from features.state import State, gathered, part_of, read_back, written
from features.text import Naming, Text
from models.across import Slice
from models.verdict import Verdict

_OWN: Final = "own"
_ORDERS: Final = "orders"
_SUMS: Final = "sums"


def slice_arrays(piece: Slice) -> State:
    """A slice as arrays by name."""
    own: State = {
        "place": np.array([piece.partition, piece.clock_ms, len(piece.counts)]),
        "panes": piece.panes,
        "verdicts": written(piece.verdicts),
        "sums": written({name: list(sums) for name, sums in piece.sums.items()}),
    }
    sums = {f"{name}.{at}": one for name, all_ in piece.sums.items() for at, one in enumerate(all_.values())}
    counts = {f"count.{series}": _counted(keys, at) for series, (keys, at) in enumerate(piece.counts)}
    return gathered({_OWN: own, _ORDERS: piece.orders.get_state(), _SUMS: sums, **counts})


def slice_of(state: State) -> Slice:
    """The slice that these arrays were."""
    partition, clock_ms, series = state["own/place"].tolist()
    names = read_back(state["own/sums"], dict[str, list[str]])
    return Slice(
        partition=partition,
        clock_ms=clock_ms,
        orders=OrderSlice.from_state(part_of(state, _ORDERS)),
        counts=[_occurrences(part_of(state, f"count.{number}")) for number in range(series)],
        panes=state["own/panes"],
        sums={
            part: {name: state[f"{_SUMS}/{part}.{at}"] for at, name in enumerate(each)} for part, each in names.items()
        },
        verdicts=read_back(state["own/verdicts"], list[Verdict]),
    )


def _counted(keys: Naming, at: I64) -> State:
    """Each key once, by where it comes first (names are taken in that order), and which of them each occurrence is."""
    _, first, codes = np.unique(keys.hash, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order], first = np.arange(len(order)), first[order]
    named = keys.take(first).packed().get_state()
    return named | {"hash": keys.hash[first], "codes": place[codes], "at": at}


def _occurrences(state: State) -> tuple[Naming, I64]:
    return Text.from_state(state).take(state["codes"]), state["at"]
