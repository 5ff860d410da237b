"""How orders usually split between channels, client versions and regions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from itertools import pairwise
from typing import Final

import numpy as np

from features.coded import Coded
from features.order_slice import ORIGIN, OrderSlice
from features.state import State, read_back, written

_BUCKET_MS: Final = 600_000
_BUCKETS: Final = 144


class UsualShares:
    """How orders usually split, over the last day: counted in buckets of ten minutes of event time.

    Only whole buckets before the moment asked about count, so the answer does not depend on how far the log
    was read when it was asked.
    """

    def __init__(self) -> None:
        """Start with nothing usual."""
        self._buckets: dict[int, dict[str, Counter[str]]] = defaultdict(_no_orders)

    def add(self, orders: OrderSlice) -> None:
        """Count orders by channel, client version and region."""
        if not len(orders):
            return
        first, last = int(orders.clock_ms[0]) // _BUCKET_MS, int(orders.clock_ms[-1]) // _BUCKET_MS
        if last not in self._buckets:
            for old in [bucket for bucket in self._buckets if bucket < last - 2 * _BUCKETS]:
                del self._buckets[old]
        if first == last:
            self._count(first, orders.origin)
            return
        buckets = orders.clock_ms // _BUCKET_MS
        edges = [0, *(np.diff(buckets).nonzero()[0] + 1).tolist(), len(buckets)]
        for start, end in pairwise(edges):
            cut = {kind: orders.origin[kind].take(slice(start, end)) for kind in ORIGIN}
            self._count(int(buckets[start]), cut)

    def _count(self, bucket: int, origin: Mapping[str, Coded]) -> None:
        counters = self._buckets[bucket]
        for kind in ORIGIN:
            counter, coded = counters[kind], origin[kind]
            for name, count in zip(coded.names, coded.counts, strict=True):
                if count:
                    counter[name] += count

    def get_state(self) -> State:
        """Orders by bucket, dimension and value."""
        return {"buckets": written(self._buckets)}

    def set_state(self, state: State) -> None:
        """Go on from these counts."""
        self._buckets.clear()
        for bucket, counts in read_back(state["buckets"], dict[int, dict[str, dict[str, int]]]).items():
            self._buckets[bucket] = {kind: Counter(values) for kind, values in counts.items()}

    def at(self, clock_ms: int) -> dict[str, Counter[str]]:
        """Orders by value, for each dimension known, in the day before `clock_ms`."""
        now = clock_ms // _BUCKET_MS
        usual = _no_orders()
        for bucket, counters in self._buckets.items():
            if now - _BUCKETS <= bucket < now:
                for kind, counts in counters.items():
                    usual[kind].update(counts)
        return usual


def _no_orders() -> dict[str, Counter[str]]:
    return {kind: Counter() for kind in ORIGIN}
