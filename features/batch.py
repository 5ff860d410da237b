"""One partition's events as columns, in the order of the log: what every feature, rule and detector reads.

`Batch` has a row an event; its tables (`features.event_tables`) hang on it by position. Money is int64 minor units,
time int64 milliseconds since 1970 UTC, "not given" is `NOT_GIVEN`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

from features.event_tables import Created, Discounts, Failures, Lines, Payments, Shipments, Stock
from features.keys import Flags, Keys, Rows
from features.route import Routes
from features.text import Naming, Text

I64 = NDArray[np.int64]
F64 = NDArray[np.float64]
I8 = NDArray[np.int8]
I32 = NDArray[np.int32]
Flag = NDArray[np.bool_]

ABSENT, WELL_FORMED, MALFORMED = 0, 1, 2
"""What became of an address or a phone number: only its form is kept."""

ORDER_TIMES: Final = ("created", "paid", "approved", "shipped", "delivered", "cancelled")
STAGES: Final = ORDER_TIMES[:5]
TOTAL, PAID_SO_FAR, REFUNDED_SO_FAR = range(3)
PLACES: Final = ("channel", "client_version", "region", "carrier", "currency")
"""What an order is remembered by: which segment an anomaly sits in, and what its amounts mean."""

Level = Literal["event", "created", "line", "discount"]

_NAN: Final = np.full(1 << 12, np.nan)
_NAN.flags.writeable = False


def nan(n: int) -> F64:
    """n times NaN, not to be written to."""
    return _NAN[:n] if n <= len(_NAN) else np.full(n, np.nan)


@dataclass(slots=True)
class Column:
    """A feature's values, and the range it expected before it saw them (NaN: no opinion yet).

    `is_silent` : there is no value at all, as of latencies among orders just placed.
    """

    values: F64
    low: F64
    high: F64
    level: Level = "event"
    is_silent: bool = False

    @classmethod
    def of(cls, values: F64) -> Column:
        """Values of which nothing in particular is expected."""
        nothing = nan(len(values))
        return cls(values, nothing, nothing)

    @classmethod
    def silent(cls, rows: int) -> Column:
        """Nothing to say of any row."""
        nothing = nan(rows)
        return cls(nothing, nothing, nothing, is_silent=True)

    def spread(self, at: I64, rows: int) -> Column:
        """The same at positions `at` of so many rows, nothing at the others."""
        spread = np.full((3, rows), np.nan)
        spread[:, at] = self.values, self.low, self.high
        return Column(*spread)


@dataclass(slots=True)
class Keyed:
    """Rows of state for a column of keys; `fresh` where the row starts anew, `size` rows exist."""

    rows: Rows
    fresh: Flags
    size: int

    def of_lines(self, order: I64) -> Keyed:
        """The same keys seen from the lines of the orders; fresh at an order's first line only."""
        fresh = self.fresh[order]
        fresh[1:] &= order[1:] != order[:-1]
        return Keyed(self.rows[order], fresh, self.size)


@dataclass(slots=True)
class Life:
    """What was known of each event's order just before the event; time 0 and amount 0 mean "not yet".

    `at_ms` : (n_events, 6), when the order was created, paid, approved, shipped, delivered, cancelled.
    `money_e4` : (n_events, 3), total, paid so far and refunded so far, in ten thousandths of a unit.
    `place` : (n_events, 5), rows of `PLACES` in their key spaces plus one, 0 where not known; after the event.
    `latency_seconds` : since the latest earlier stage, NaN where none is known or the event is no stage.
    """

    at_ms: I64
    money_e4: I64
    place: I32
    latency_seconds: F64

    @classmethod
    def of(cls, n: int) -> Life:
        """n events of which nothing is known."""
        return cls(
            np.zeros((n, len(ORDER_TIMES)), np.int64),
            np.zeros((n, 3), np.int64),
            np.zeros((n, len(PLACES)), np.int32),
            np.full(n, np.nan),
        )


@dataclass(slots=True)
class Overdue:
    """Orders whose next stage did not come in time; `at` is the event whose clock passed the deadline.

    `stage` is a place in `STAGES`, or one of `features.reconciliation.ISSUES`: what was not put right in time.
    """

    at: I64
    order_id: list[str]
    stage: I64
    deadline_ms: I64
    money_e4: I64
    place: I32

    @classmethod
    def none(cls) -> Overdue:
        """No order is overdue."""
        empty = np.zeros(0, np.int64)
        return cls(empty, [], empty, empty, np.zeros((0, 3), np.int64), np.zeros((0, len(PLACES)), np.int32))

    def and_also(self, other: Overdue) -> Overdue:
        """These orders and then others."""
        if not len(other.at):
            return self
        return Overdue(
            np.concatenate([self.at, other.at]),
            self.order_id + other.order_id,
            np.concatenate([self.stage, other.stage]),
            np.concatenate([self.deadline_ms, other.deadline_ms]),
            np.concatenate([self.money_e4, other.money_e4]),
            np.concatenate([self.place, other.place]),
        )


@dataclass(slots=True)
class Batch:
    """A slice of one partition's log.

    `approver` is a code of `features.approver`. `passed_ms` is the event time reached where no event moved it;
    `arrived_ms` is when each event came into the log, empty where that is not known, as of a file.
    """

    event_id: Text
    order_id: Text
    kind: I8
    time_ms: I64
    promised_ms: I64
    approver: I64
    created: Created
    lines: Lines
    discounts: Discounts
    payments: Payments
    shipments: Shipments
    stock: Stock
    failures: Failures
    offset: I64 = field(default_factory=lambda: np.empty(0, np.int64))
    clock_ms: I64 = field(default_factory=lambda: np.empty(0, np.int64))
    late: Flag = field(default_factory=lambda: np.empty(0, np.bool_))
    arrived_ms: I64 = field(default_factory=lambda: np.empty(0, np.int64))
    passed_ms: int = 0
    columns: dict[str, Column] = field(default_factory=dict)
    keyed: dict[str, Keyed] = field(default_factory=dict)
    routes: Routes = field(default_factory=Routes.none)
    life: Life = field(default_factory=lambda: Life.of(0))
    overdue: Overdue = field(default_factory=Overdue.none)

    def __len__(self) -> int:
        """Events."""
        return len(self.kind)

    def key(self, space: Keys) -> Keyed:
        """The rows of this batch's keys in `space`, looked up once a batch."""
        found = self.keyed.get(space.kind)
        if found is None:
            rows, fresh = space.rows(_KEYS_OF[space.kind](self))
            found = self.keyed[space.kind] = Keyed(rows, fresh, space.size)
        return found


_KEYS_OF: Final[dict[str, Callable[[Batch], Naming]]] = {
    "order": lambda batch: batch.order_id,
    "product": lambda batch: batch.lines.product,
    "seller": lambda batch: batch.lines.seller,
    "promotion": lambda batch: batch.discounts.promotion,
    "channel": lambda batch: batch.created.channel,
    "client_version": lambda batch: batch.created.client_version,
    "region": lambda batch: batch.created.region,
    "currency": lambda batch: batch.created.currency,
    "carrier": lambda batch: batch.shipments.carrier,
    "method": lambda batch: batch.payments.method,
    "stage": lambda batch: batch.routes.stage,
    "route": lambda batch: batch.routes.route,
    "group": lambda batch: batch.routes.group,
}
