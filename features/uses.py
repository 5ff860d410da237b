"""What leaves a partition of the things that should have one holder: codes of promotions, tracking numbers.

A code is held by a customer, a tracking number by an order; who else holds one only all partitions together know.
Like the orders of a slice these are numbers and texts, and let go of their messages when they wait. The thing itself
leaves as 64 bits alone: a code is as good as money.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from features.amounts import in_e4
from features.batch import I64, Batch
from features.coded import Coded
from features.keys import Keys
from features.merged_log import Part, merged_order
from features.state import State, gathered, part_of, read_back, written
from features.text import Text, mixed

CODE, PARCEL = "code", "parcel"
_NUMBERS: Final = ("clock_ms", "time_ms", "offset", "thing", "holder", "amount_e4")
_CODE_NAMES: Final = ("channel", "client_version", "region", "currency")


@dataclass(slots=True)
class Uses:
    """Uses of one sort of thing in one batch of one partition, in the order of its log.

    `thing`, `holder` : 64 bits of what was used and of who used it. `amount_e4` : what a use took off, in ten
    thousandths of a unit. `names` : what else is said of a use; `group` is what its like is known by, its promotion or
    carrier.
    """

    partition: int
    clock_ms: I64
    time_ms: I64
    offset: I64
    thing: I64
    holder: I64
    amount_e4: I64
    order_id: Text
    names: dict[str, Coded]
    _is_packed: bool = field(default=False, init=False, repr=False)

    def __len__(self) -> int:
        """Uses."""
        return len(self.offset)

    def pack(self) -> None:
        """Copy its texts, so that the messages can go."""
        if not self._is_packed:
            self.order_id, self._is_packed = self.order_id.packed(), True

    def get_state(self) -> State:
        """The uses as arrays."""
        self.pack()
        numbers = {name: getattr(self, name) for name in _NUMBERS} | {"partition": np.array([self.partition])}
        named = {kind: (coded.names, coded.counts) for kind, coded in self.names.items()}
        codes = {kind: coded.codes for kind, coded in self.names.items()}
        order_id = self.order_id.get_state()
        return gathered({"numbers": numbers, "codes": codes, "names": {"all": written(named)}, "order_id": order_id})

    @classmethod
    def from_state(cls, state: State) -> Uses:
        """The uses that these arrays were."""
        named = read_back(state["names/all"], dict[str, tuple[list[str], list[int]]])
        codes = part_of(state, "codes")
        return cls(
            partition=int(state["numbers/partition"][0]),
            **{name: state[f"numbers/{name}"] for name in _NUMBERS},
            order_id=Text.from_state(part_of(state, "order_id")),
            names={kind: Coded(codes[kind], *named[kind]) for kind in codes},
        )


def uses_of(partition: int, batch: Batch, spaces: Mapping[str, Keys]) -> dict[str, Uses]:
    """What was used in a batch, by sort; nothing of a sort that was not."""
    uses = {}
    rows = batch.discounts.code.length.nonzero()[0]
    if len(rows):
        uses[CODE] = _codes(partition, batch, spaces, rows)
    if len(batch.shipments.at):
        uses[PARCEL] = _parcels(partition, batch, spaces)
    return uses


def _codes(partition: int, batch: Batch, spaces: Mapping[str, Keys], rows: I64) -> Uses:
    created, discounts = batch.created, batch.discounts
    order = discounts.order[rows]
    at = created.at[order]
    names = {kind: Coded.of(batch.key(spaces[kind]).rows[order], spaces[kind]) for kind in _CODE_NAMES}
    promotion = spaces["promotion"]
    return Uses(
        partition,
        batch.clock_ms[at],
        batch.time_ms[at],
        batch.offset[at],
        thing=mixed(discounts.promotion.hash[rows], discounts.code.hash[rows]),
        holder=created.customer.hash[order],
        amount_e4=in_e4(discounts.amount_minor[rows], created.exponent[order]),
        order_id=batch.order_id.take(at),
        names=names | {"group": Coded.of(batch.key(promotion).rows[rows], promotion)},
    )


def _parcels(partition: int, batch: Batch, spaces: Mapping[str, Keys]) -> Uses:
    at, shipments, carrier = batch.shipments.at, batch.shipments, spaces["carrier"]
    return Uses(
        partition,
        batch.clock_ms[at],
        batch.time_ms[at],
        batch.offset[at],
        thing=mixed(shipments.carrier.hash, shipments.tracking_number.hash),
        holder=batch.order_id.hash[at],
        amount_e4=np.zeros(len(at), np.int64),
        order_id=batch.order_id.take(at),
        names={"group": Coded.of(batch.key(carrier).rows, carrier)},
    )


@dataclass(slots=True)
class MergedUses:
    """Uses of several batches in the order of the merged log: by clock, then partition, then offset.

    `piece`, `row` : the part that each use came in, and its row in that part's uses.
    """

    parts: Sequence[Part[Uses]]
    order: I64
    piece: I64
    row: I64
    thing: I64
    holder: I64

    @classmethod
    def of(cls, parts: Sequence[Part[Uses]]) -> MergedUses:
        """Merge some parts."""

        order, piece, row = merged_order(parts)

        def column(name: str) -> I64:
            return np.concatenate([getattr(part.whole, name)[part.start : part.end] for part in parts])[order]

        return cls(parts, order, piece, row, column("thing"), column("holder"))

    def __len__(self) -> int:
        """Uses."""
        return len(self.row)

    def find(self, at: int) -> tuple[Uses, int]:
        """The batch's uses with the one at a position, and its row there."""
        return self.parts[self.piece[at]].whole, int(self.row[at])

    def groups(self) -> I64:
        """64 bits of each use's group."""
        return np.concatenate([_bits(part.whole.names["group"])[part.start : part.end] for part in self.parts])[
            self.order
        ]


def _bits(coded: Coded) -> I64:
    return Text.of(coded.names).hash[coded.codes]
