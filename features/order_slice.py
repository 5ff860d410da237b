"""What leaves a partition of the orders placed in it, and how the orders of all partitions become one log.

A slice is numbers and packed texts: it does not hold on to the messages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numba
import numpy as np

from features.amounts import in_e4
from features.batch import F64, I64, ORDER_TIMES, Batch
from features.keys import Keys
from features.state import State, gathered, part_of, read_back, written
from features.text import Text

ORIGIN: Final = ("channel", "client_version", "region")
_KEPT: Final = (*ORIGIN, "currency")
_NUMBERS: Final = ("clock_ms", "time_ms", "offset", "basket", "total_e4")
_CREATED: Final = ORDER_TIMES.index("created")


@numba.njit(cache=True)
def _code(rows: I64, size: int) -> tuple[I64, I64, I64]:
    """Places of `rows` among those that occur, which occur, and how often."""
    code_of, present, counts = np.full(size, -1, np.int64), np.empty(len(rows), np.int64), np.zeros(len(rows), np.int64)
    codes, n = np.empty(len(rows), np.int64), 0
    for i in range(len(rows)):
        if code_of[rows[i]] < 0:
            code_of[rows[i]], present[n] = n, rows[i]
            n += 1
        codes[i] = code_of[rows[i]]
        counts[codes[i]] += 1
    return codes, present[:n], counts[:n]


@dataclass(slots=True)
class Coded:
    """A column of few different texts: `codes` are places in `names`, each of which occurs `counts` times."""

    codes: I64
    names: list[str]
    counts: list[int]

    @classmethod
    def of(cls, rows: I64, space: Keys) -> Coded:
        """Name the keys of a small space."""
        codes, present, counts = _code(rows, space.size)
        return cls(codes, [space.names[row] for row in present.tolist()], counts.tolist())

    def __getitem__(self, at: int) -> str:
        """The text at a position."""
        return self.names[int(self.codes[at])]

    def take(self, rows: slice) -> Coded:
        """The texts at `rows`; the names stay."""
        counts = np.bincount(self.codes[rows], minlength=len(self.names))
        return Coded(self.codes[rows], self.names, counts.tolist())


@dataclass(slots=True)
class OrderSlice:
    """Orders placed in one batch of one partition.

    `clock_ms` is the partition's event-time clock at each order: with partition and offset it gives every order
    its place in one merged log that is the same however the partitions were read. `origin` holds channel, client
    version, region and currency.
    """

    partition: int
    clock_ms: I64
    time_ms: I64
    offset: I64
    basket: I64
    total_e4: I64
    customer: Text
    order_id: Text
    origin: dict[str, Coded]

    @classmethod
    def of(cls, partition: int, batch: Batch, spaces: Mapping[str, Keys]) -> OrderSlice:
        """Cut the orders placed out of a batch; one that was told before is not placed again."""
        created = batch.created
        rows = (batch.life.at_ms[created.at, _CREATED] == 0).nonzero()[0]
        at = created.at[rows]
        return cls(
            partition=partition,
            clock_ms=batch.clock_ms[at],
            time_ms=batch.time_ms[at],
            offset=batch.offset[at],
            basket=created.basket[rows],
            total_e4=in_e4(created.total_minor[rows], created.exponent[rows]),
            customer=created.customer.take(rows).packed(),
            order_id=batch.order_id.take(at).packed(),
            origin={kind: Coded.of(batch.key(spaces[kind]).rows[rows], spaces[kind]) for kind in _KEPT},
        )

    def __len__(self) -> int:
        """Orders."""
        return len(self.offset)

    def get_state(self) -> State:
        """The slice as arrays."""
        numbers = {name: getattr(self, name) for name in _NUMBERS} | {"partition": np.array([self.partition])}
        origin = {kind: (coded.names, coded.counts) for kind, coded in self.origin.items()}
        codes = {kind: coded.codes for kind, coded in self.origin.items()}
        texts = {"customer": self.customer.get_state(), "order_id": self.order_id.get_state()}
        return gathered({"numbers": numbers, "codes": codes, "origin": {"names": written(origin)}, **texts})

    @classmethod
    def from_state(cls, state: State) -> OrderSlice:
        """The slice that these arrays were."""
        names = read_back(state["origin/names"], dict[str, tuple[list[str], list[int]]])
        codes = part_of(state, "codes")
        return cls(
            partition=int(state["numbers/partition"][0]),
            **{name: state[f"numbers/{name}"] for name in _NUMBERS},
            customer=Text.from_state(part_of(state, "customer")),
            order_id=Text.from_state(part_of(state, "order_id")),
            origin={kind: Coded(codes[kind], *names[kind]) for kind in codes},
        )


@dataclass(frozen=True, slots=True)
class Part:
    """The orders from `start` to `end` of a slice."""

    orders: OrderSlice
    start: int
    end: int


@dataclass(slots=True)
class MergedOrders:
    """Orders of several slices in the order of the merged log: by clock, then partition, then offset.

    `piece`, `row` : the part that each order came in, and its row in that part's slice, for what few readers ask.
    `order` : the place of each in the parts, one behind the other. `since_last_seconds` : since the customer's last
    order, of any basket; NaN where none is known.
    """

    parts: Sequence[Part]
    order: I64
    piece: I64
    row: I64
    time_ms: I64
    customer: I64
    basket: I64
    since_last_seconds: F64 = field(default_factory=lambda: np.zeros(0))

    @classmethod
    def of(cls, parts: Sequence[Part]) -> MergedOrders:
        """Merge parts of some slices."""

        def column(name: str) -> I64:
            return np.concatenate([getattr(part.orders, name)[part.start : part.end] for part in parts])

        piece = np.repeat(np.arange(len(parts)), [part.end - part.start for part in parts])
        row = np.concatenate([np.arange(part.start, part.end) for part in parts])
        partition = np.array([part.orders.partition for part in parts])[piece]
        order = np.lexsort((column("offset"), partition, column("clock_ms")))
        customer = np.concatenate([part.orders.customer.hash[part.start : part.end] for part in parts])
        return cls(
            parts,
            order,
            piece[order],
            row[order],
            column("time_ms")[order],
            customer[order],
            column("basket")[order],
        )

    def __len__(self) -> int:
        """Orders."""
        return len(self.row)

    def find(self, at: int) -> tuple[OrderSlice, int]:
        """The slice of the order at a position, and its row there."""
        return self.parts[self.piece[at]].orders, int(self.row[at])

    def merged(self, columns: Sequence[I64]) -> I64:
        """A column of each part, as one column of the merged log."""
        return np.concatenate(columns)[self.order]


def split(waiting: Sequence[Part], upto_ms: int) -> tuple[list[Part], list[Part]]:
    """The orders before `upto_ms`, and the rest; each slice is in order.

    Nothing is copied: a partition that is read far ahead of another costs nothing.
    """
    due, rest = [], []
    for part in waiting:
        clocks = part.orders.clock_ms
        if clocks[part.start] >= upto_ms:
            rest.append(part)
        elif clocks[part.end - 1] < upto_ms:
            due.append(part)
        else:
            cut = int(np.searchsorted(clocks, upto_ms))
            due.append(Part(part.orders, part.start, cut))
            rest.append(Part(part.orders, cut, part.end))
    return due, rest
