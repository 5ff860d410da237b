"""Where the partitions meet: what can only be counted across all orders.

A partition knows its own orders; how many there are of a product, a promotion pair or a customer only all
partitions together know. Each batch leaves its partition as a `Slice`; here slices are merged into one log, by
the event-time clock of the partitions, and what comes of it does not depend on how they were read:

* Verdicts and orders are released in the merged order, once every partition's clock has passed them.
* Counts go into event-time panes. Sums commute, so arrival order is nothing to them; a pane closes when the
  merged clock is `allowed_lateness_seconds` past its end. An event later than that behind its own partition's
  clock is counted as late, scored all the same, and left out of the panes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from config.settings import Settings
from features.batch import I64, Batch
from features.customer_orders import CustomerOrders
from features.keys import Keys
from features.merged_log import Part, split
from features.order_slice import MergedOrders, OrderSlice
from features.segments import UsualShares
from features.state import State, Stateful, gathered, part_of, read_back, restore, written
from features.text import Composed, Naming
from models.crossing import Crossing
from models.drift_count import DriftCount
from models.open_panes import TOO_LATE, OpenPanes
from models.reuse import Reuse, Reuses
from models.verdict import Verdict
from models.volume_count import VolumeCount
from models.warm_up import WarmUp

_NOTHING_HELD: Final = np.iinfo(np.int64).max


@dataclass(slots=True)
class Slice:
    """One batch of one partition, reduced to what the other partitions must know.

    `counts` : by series, the keys to be counted and the positions of their events. `panes` : the pane of each event.
    """

    partition: int
    clock_ms: int
    orders: OrderSlice
    counts: list[tuple[Naming, I64]]
    panes: I64
    sums: dict[str, dict[str, I64]]
    verdicts: list[Verdict]


class Across:
    """Merges the partitions' slices.

    Parameters
    ----------
    settings
        Panes, lateness and bounds.
    partitions
        How many partitions the log has; a slice of each is waited for.
    volumes
        The series that are counted, by name.
    drifts
        The series whose means are watched, by name.
    crossings
        The rules on the merged log of orders.
    reuses
        The rules on things that should have one holder, by name.
    """

    def __init__(
        self,
        settings: Settings,
        partitions: int,
        volumes: Mapping[str, VolumeCount],
        drifts: Mapping[str, DriftCount],
        crossings: Sequence[Crossing],
        reuses: Mapping[str, Reuse],
    ) -> None:
        """Start before the first event."""
        self._clock_ms = np.zeros(partitions, np.int64)
        self._pane_ms = settings.time.pane_seconds * 1000
        self._lateness_ms = int(settings.time.allowed_lateness_seconds * 1000)
        self._volumes = volumes
        self._drifts = drifts
        self._series = list(volumes.values())
        self._open = OpenPanes(len(self._series))
        self._closed = -1
        self._crossings = crossings
        self._reuses = Reuses(reuses)
        self.usual = UsualShares()
        self._customers = CustomerOrders(settings.state.max_customers)
        self._orders: list[Part[OrderSlice]] = []
        self._verdicts: list[Verdict] = []

    @property
    def clock_ms(self) -> int:
        """The event time that the partition farthest ahead has reached."""
        return int(self._clock_ms.max())

    @property
    def warm_ups(self) -> dict[str, WarmUp]:
        """How far each series is that has to learn what is usual first."""
        return {name: part.warm_up for name, part in self._volumes.items()}

    def cut(self, partition: int, batch: Batch, verdicts: list[Verdict], spaces: Mapping[str, Keys]) -> Slice:
        """Reduce a judged batch to its slice; `spaces` are the partition's key spaces."""
        panes = batch.time_ms // self._pane_ms
        timely = np.where(batch.late, TOO_LATE, panes) if np.count_nonzero(batch.late) else panes
        counts = [part.series.count(batch) for part in self._series]
        sums = {name: drift.sums(batch, timely) for name, drift in self._drifts.items()}
        clock_ms = int(batch.clock_ms[-1]) if len(batch) else 0
        return Slice(partition, clock_ms, OrderSlice.of(partition, batch, spaces), counts, timely, sums, verdicts)

    def add(self, piece: Slice) -> None:
        """Take in a slice; nothing is released by that."""
        self._clock_ms[piece.partition] = max(int(self._clock_ms[piece.partition]), piece.clock_ms)
        if len(piece.orders):
            self._orders.append(Part(replace(piece.orders, uses={}), 0, len(piece.orders)))
            self.usual.add(piece.orders)
        self._reuses.add(piece.orders)
        self._verdicts.extend(piece.verdicts)
        for series, (keys, at) in enumerate(piece.counts):
            self._open.add(series, keys, at, piece.panes)
        for name, sums in piece.sums.items():
            self._drifts[name].add(sums)

    def hold(self, verdicts: Sequence[Verdict]) -> None:
        """Take in verdicts that no slice brought."""
        self._verdicts.extend(verdicts)

    def advance(self, now_ms: int, partition: int | None = None) -> None:
        """Let event time pass in a partition, or in every one: nothing has come, and nothing is waiting to be read."""
        of = slice(None) if partition is None else partition
        self._clock_ms[of] = np.maximum(self._clock_ms[of], now_ms)

    def partition_clock_ms(self, partition: int) -> int:
        """The event time that a partition has reached."""
        return int(self._clock_ms[partition])

    def reached_ms(self, *, wait: bool) -> int:
        """The event time up to which the merged log may be released.

        With `wait`, what every partition has passed: what comes does not depend on which partition was read first.
        Without, every partition is known to be read to its end, so none is waited for.
        """
        return int(self._clock_ms.min()) if wait else int(self._clock_ms.max()) + 1

    def release(self, upto_ms: int) -> list[Verdict]:
        """Verdicts before `upto_ms`, in the merged order."""
        verdicts = [*self._due_verdicts(upto_ms), *self._crossed(upto_ms), *self._reuses.release(upto_ms)]
        verdicts += self._odd_windows(upto_ms)
        verdicts.sort(key=lambda verdict: verdict.place)
        return verdicts

    def held(self) -> dict[int, int]:
        """Partition -> offset of the earliest record whose verdict or order still waits."""
        first = [_NOTHING_HELD] * len(self._clock_ms)
        for verdict in self._verdicts:
            if verdict.partition >= 0 and verdict.offset >= 0:
                first[verdict.partition] = min(first[verdict.partition], verdict.offset)
        orders = [(part.whole.partition, int(part.whole.offset[part.start])) for part in self._orders]
        for partition, offset in orders + self._reuses.waiting():
            first[partition] = min(first[partition], offset)
        return {partition: offset for partition, offset in enumerate(first) if offset < _NOTHING_HELD}

    def get_state(self) -> State:
        """Everything counted, and what still waits to be merged."""
        orders = {f"orders.{i:06}": part.whole.get_state() for i, part in enumerate(self._orders)}
        starts = np.array([part.start for part in self._orders], np.int64)
        own: State = {"clock_ms": self._clock_ms, "starts": starts, "verdicts": written(self._verdicts)}
        own["closed"] = np.array([self._closed])
        return gathered({"own": own} | orders | {name: part.get_state() for name, part in self._parts().items()})

    def set_state(self, state: State) -> None:
        """Go on from a state of the same settings."""
        self._clock_ms, self._closed = state["own/clock_ms"].copy(), int(state["own/closed"][0])
        self._verdicts = read_back(state["own/verdicts"], list[Verdict])
        names = sorted({name.partition("/")[0] for name in state if name.startswith("orders.")})
        waiting = [OrderSlice.from_state(part_of(state, name)) for name in names]
        starts = state["own/starts"].tolist()
        self._orders = [Part(orders, start, len(orders)) for orders, start in zip(waiting, starts, strict=True)]
        restore(self._parts(), state)

    def _parts(self) -> dict[str, Stateful]:
        counting: dict[str, Stateful] = {f"series.{name}": part for name, part in self._volumes.items()}
        counting |= {f"drift.{name}": part for name, part in self._drifts.items()}
        counting |= {f"crossing.{crossing.kind}": crossing for crossing in self._crossings}
        counting |= {"reuses": self._reuses}
        return counting | {"open": self._open, "usual": self.usual, "customers": self._customers}

    def _due_verdicts(self, upto_ms: int) -> list[Verdict]:
        due = [verdict for verdict in self._verdicts if verdict.clock_ms < upto_ms]
        if due:
            self._verdicts = [verdict for verdict in self._verdicts if verdict.clock_ms >= upto_ms]
        return due

    def _crossed(self, upto_ms: int) -> list[Verdict]:
        """Verdicts on orders that the merged log has reached."""
        parts, self._orders = split(self._orders, upto_ms)
        for part in self._orders:
            part.whole.pack()
        if not parts:
            return []
        due = MergedOrders.of(parts)
        due.since_last_seconds, due.since_same_seconds = self._customers.follow(
            Composed(due.customer), due.time_ms, due.basket
        )
        return [verdict for crossing in self._crossings for verdict in crossing.check(due)]

    def _odd_windows(self, upto_ms: int) -> list[Verdict]:
        """Verdicts on the windows that are complete: the merged log is the allowed lateness past their end."""
        upto = (upto_ms - self._lateness_ms) // self._pane_ms - 1
        if upto <= self._closed:
            return []
        self._closed, times = upto, (self._pane_ms, self._lateness_ms)
        due = zip(self._series, self._open.close(upto), strict=True)
        odd = [verdict for part, counted in due if counted is not None for verdict in part.close(upto, counted, *times)]
        return odd + [verdict for part in self._drifts.values() for verdict in part.close(upto, *times)]
