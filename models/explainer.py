"""What else an alert says of the order that it is about: what would have been normal, and which orders are.

This needs the event with all that hangs on it, which is gone by the time an alert is written; so it is worked out
when the event is judged, for the verdicts that may become one: the first of a condition after it was quiet, and of
each kind only so many an hour. Where the log was cut into batches has no say in any of it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import numpy as np

from features.batch import PLACES
from features.event import CREATED
from features.recent_orders import RecentOrders
from features.state import State, gathered, part_of, read_back, written
from models.rewound_watch import RewoundWatch

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from features.batch import Batch
    from features.keys import Keys
    from models.counterfactual import Counterfactuals
    from models.verdict import Verdict
    from models.watch import Watch

_HOUR_MS: Final = 3_600_000
_MOST_PER_HOUR: Final = 20
_MOST_REMEMBERED: Final = 4096
_CHANNEL: Final = PLACES.index("channel")


class Explainer:
    """Explains the verdicts of one partition.

    Parameters
    ----------
    counterfactuals
        Finds what would have been normal.
    watches
        The detectors that are on.
    channels
        The partition's key space of channels.
    quiet_ms
        A condition without a verdict for so long may be a new alert, in milliseconds of event time.
    """

    def __init__(
        self, counterfactuals: Counterfactuals, watches: Sequence[Watch], channels: Keys, quiet_ms: int
    ) -> None:
        """Start with nothing explained."""
        self._counterfactuals = counterfactuals
        self._rewound: Mapping[str, RewoundWatch] = {one.name: one for one in watches if isinstance(one, RewoundWatch)}
        self._channels = channels
        self._quiet_ms = quiet_ms
        self._recent = RecentOrders()
        self._seen_ms: dict[str, int] = {}
        self._hour = -1
        self._told: Counter[str] = Counter()

    def explain(self, batch: Batch, verdicts: list[Verdict]) -> list[Verdict]:
        """The batch's verdicts, in the order of the log, those that may become alerts explained."""
        self._recent.add(batch)
        return [self._explained(batch, verdict) for verdict in verdicts] if verdicts else verdicts

    def get_state(self) -> State:
        """When each condition was seen last, and the latest orders."""
        own = {"own": {"seen": written((self._seen_ms, self._hour, self._told))}}
        return gathered({**own, "recent": self._recent.get_state()})

    def set_state(self, state: State) -> None:
        """Go on from there."""
        seen_ms, self._hour, told = read_back(state["own/seen"], tuple[dict[str, int], int, dict[str, int]])
        self._seen_ms, self._told = seen_ms, Counter(told)
        self._recent.set_state(part_of(state, "recent"))

    def _explained(self, batch: Batch, verdict: Verdict) -> Verdict:
        at = int(np.searchsorted(batch.offset, verdict.offset))
        if verdict.offset >= 0 and self._is_new(verdict):
            # an overdue order is told at another order's event
            normal_if = self._normal_if(batch, at, verdict) if batch.order_id[at] == verdict.order_id else ()
            verdict = replace(verdict, normal_if=normal_if, comparable=self._comparable(batch, at, verdict))
        self._recent.mark(verdict.order_id)
        return verdict

    def _is_new(self, verdict: Verdict) -> bool:
        """Whether the condition was quiet so long that this may be an alert, and there is room to explain it."""
        condition, now_ms = f"{verdict.kind}\x1f{verdict.entity_type}\x1f{verdict.entity}", verdict.clock_ms
        if now_ms // _HOUR_MS != self._hour:
            self._hour = now_ms // _HOUR_MS
            self._told.clear()
        last_ms = self._seen_ms.pop(condition, None)
        is_new = last_ms is None or now_ms - last_ms > self._quiet_ms
        if is_new and self._told[verdict.kind] >= _MOST_PER_HOUR:
            return False
        self._seen_ms[condition] = now_ms  # behind all that were seen before
        if len(self._seen_ms) > _MOST_REMEMBERED:
            del self._seen_ms[next(iter(self._seen_ms))]
        self._told[verdict.kind] += is_new
        return is_new

    def _normal_if(self, batch: Batch, at: int, verdict: Verdict) -> tuple[str, ...]:
        watch = self._rewound.get(verdict.signals[0].part)
        if watch is None:
            return self._counterfactuals.of(batch, at, verdict)
        return watch.normal_if(int(np.searchsorted(batch.created.at, at)))

    def _comparable(self, batch: Batch, at: int, verdict: Verdict) -> tuple[str, ...]:
        """Normal orders of the product that it is about, else of the first one bought; of its channel, else."""
        row = int(batch.life.place[at, _CHANNEL]) - 1
        channel = int(self._channels.bits(np.array([row]))[0]) if row >= 0 else 0
        product = _product(batch, at, verdict.entity)
        return self._recent.like(int(batch.offset[at]), channel, product, beside=verdict.order_id)


def _product(batch: Batch, at: int, entity: str) -> int:
    """Bits of the order's line of that name, or of its first; 0 where it has none here."""
    if batch.kind[at] != CREATED:
        return 0
    created, lines = int(np.searchsorted(batch.created.at, at)), batch.lines
    start, stop = np.searchsorted(lines.order, [created, created + 1]).tolist()
    rows = [row for row in range(start, stop) if lines.product[row] == entity] or list(range(start, stop))
    return int(lines.product.hash[rows[0]]) if rows else 0
