"""What leaves a partition of the orders placed in it, and how the orders of all partitions become one log.

A slice is numbers and texts. One that has to wait for other partitions lets go of its messages (`pack`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from features.amounts import in_e4
from features.batch import F64, I64, ORDER_TIMES, Batch
from features.coded import Coded
from features.keys import Keys
from features.merged_log import Part, merged_order
from features.state import State, gathered, part_of, read_back, written
from features.text import Text
from features.uses import Uses, uses_of

ORIGIN: Final = ("channel", "client_version", "region")
_KEPT: Final = (*ORIGIN, "currency")
_NUMBERS: Final = ("clock_ms", "time_ms", "offset", "basket", "total_e4")
_CREATED: Final = ORDER_TIMES.index("created")


@dataclass(slots=True)
class OrderSlice:
    """Orders placed in one batch of one partition.

    `clock_ms` is the partition's event-time clock at each order: with partition and offset it gives every order
    its place in one merged log that is the same however the partitions were read. `origin` holds channel, client
    version, region and currency. `uses` : what was used meanwhile that should have one holder, by sort.
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
    uses: dict[str, Uses] = field(default_factory=dict)
    _is_packed: bool = field(default=False, init=False, repr=False)

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
            customer=created.customer.take(rows),
            order_id=batch.order_id.take(at),
            origin={kind: Coded.of(batch.key(spaces[kind]).rows[rows], spaces[kind]) for kind in _KEPT},
            uses=uses_of(partition, batch, spaces),
        )

    def __len__(self) -> int:
        """Orders."""
        return len(self.offset)

    def pack(self) -> None:
        """Copy its texts, so that the messages can go."""
        if not self._is_packed:
            self.customer, self.order_id = self.customer.packed(), self.order_id.packed()
            self._is_packed = True

    def get_state(self) -> State:
        """The slice as arrays."""
        self.pack()
        numbers = {name: getattr(self, name) for name in _NUMBERS} | {"partition": np.array([self.partition])}
        origin = {kind: (coded.names, coded.counts) for kind, coded in self.origin.items()}
        codes = {kind: coded.codes for kind, coded in self.origin.items()}
        texts = {"customer": self.customer.get_state(), "order_id": self.order_id.get_state()}
        texts |= {f"uses.{sort}": uses.get_state() for sort, uses in self.uses.items()}
        return gathered({"numbers": numbers, "codes": codes, "origin": {"names": written(origin)}, **texts})

    @classmethod
    def from_state(cls, state: State) -> OrderSlice:
        """The slice that these arrays were."""
        names = read_back(state["origin/names"], dict[str, tuple[list[str], list[int]]])
        codes = part_of(state, "codes")
        sorts = {name.partition("/")[0] for name in state if name.startswith("uses.")}
        return cls(
            partition=int(state["numbers/partition"][0]),
            **{name: state[f"numbers/{name}"] for name in _NUMBERS},
            customer=Text.from_state(part_of(state, "customer")),
            order_id=Text.from_state(part_of(state, "order_id")),
            origin={kind: Coded(codes[kind], *names[kind]) for kind in codes},
            uses={sort.removeprefix("uses."): Uses.from_state(part_of(state, sort)) for sort in sorted(sorts)},
        )


@dataclass(slots=True)
class MergedOrders:
    """Orders of several slices in the order of the merged log: by clock, then partition, then offset.

    `piece`, `row` : the part that each order came in, and its row in that part's slice, for what few readers ask.
    `order` : the place of each in the parts, one behind the other. `since_last_seconds`, `since_same_seconds` : since
    the customer's last order, of any basket and of the same one; NaN where none is known.
    """

    parts: Sequence[Part[OrderSlice]]
    order: I64
    piece: I64
    row: I64
    time_ms: I64
    customer: I64
    basket: I64
    since_last_seconds: F64 = field(default_factory=lambda: np.zeros(0))
    since_same_seconds: F64 = field(default_factory=lambda: np.zeros(0))

    @classmethod
    def of(cls, parts: Sequence[Part[OrderSlice]]) -> MergedOrders:
        """Merge parts of some slices."""

        order, piece, row = merged_order(parts)

        def column(name: str) -> I64:
            return np.concatenate([getattr(part.whole, name)[part.start : part.end] for part in parts])[order]

        customer = np.concatenate([part.whole.customer.hash[part.start : part.end] for part in parts])[order]
        return cls(parts, order, piece, row, column("time_ms"), customer, column("basket"))

    def __len__(self) -> int:
        """Orders."""
        return len(self.row)

    def find(self, at: int) -> tuple[OrderSlice, int]:
        """The slice of the order at a position, and its row there."""
        return self.parts[self.piece[at]].whole, int(self.row[at])

    def merged(self, columns: Sequence[I64]) -> I64:
        """A column of each part, as one column of the merged log."""
        return np.concatenate(columns)[self.order]
