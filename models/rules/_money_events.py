"""Events that moved money, beside what was known of their order: what the payment rules compare.

All in ten thousandths of a unit: a payment names no currency (`features.event_tables.Payments`). Where minor units
are asked for, two decimals are assumed.
"""

from __future__ import annotations

from typing import Annotated, Final, NamedTuple

import numpy as np
from annotated_types import Ge

from features.batch import F64, I64, ORDER_TIMES, PAID_SO_FAR, REFUNDED_SO_FAR, TOTAL, Batch, Flag

ToleranceE4 = Annotated[int, Ge(0)]
"""In ten thousandths of the order's currency unit: 100 is 0.01, one cent."""

ONE_CENT_E4: Final = 100
_CREATED: Final = ORDER_TIMES.index("created")


class MoneyEvents(NamedTuple):
    """`order.paid` or `order.refunded` events with money in them, of orders whose creation was seen.

    `at` : position in the batch. `amount` : moved by the event. `first` : row of its first payment.
    `total`, `paid`, `refunded` : of its order, before the event.
    """

    at: I64
    amount: I64
    first: I64
    total: I64
    paid: I64
    refunded: I64

    @property
    def held(self) -> I64:
        """What the shop held before the event: paid minus refunded, so that a reversal makes good."""
        return self.paid - self.refunded

    def method(self, batch: Batch, row: int) -> str:
        """How the largest payment of that event was made."""
        payments, first = batch.payments, int(self.first[row])
        stop = int(np.searchsorted(payments.at, self.at[row], side="right"))
        return payments.method[first + int(payments.amount_e4[first:stop].argmax())]


def money_events(batch: Batch, kind: int) -> MoneyEvents | None:
    """The events of one kind; None where there is none.

    An order whose creation was not seen is left out: what was paid before the log began nobody knows.
    """
    payments = batch.payments
    if not len(payments.at):
        return None
    rows = ((batch.kind[payments.at] == kind) & (batch.life.at_ms[payments.at, _CREATED] > 0)).nonzero()[0]
    if not len(rows):
        return None
    at = payments.at[rows]
    begins = np.ones(len(at), np.bool_)  # of an event with several payments, only the first does
    np.not_equal(at[1:], at[:-1], out=begins[1:])
    first = begins.nonzero()[0]
    amount = np.add.reduceat(payments.amount_e4[rows], first)
    at, money = at[first], batch.life.money_e4[at[first]]
    return MoneyEvents(at, amount, rows[first], money[:, TOTAL], money[:, PAID_SO_FAR], money[:, REFUNDED_SO_FAR])


def is_second_payment(paid: MoneyEvents, tolerance_e4: int) -> Flag:
    """Whether the order was paid in full before this payment came."""
    in_full: Flag = paid.held >= paid.total - tolerance_e4
    return in_full & (paid.held > 0) & (paid.amount > tolerance_e4)


def is_second_refund(back: MoneyEvents, tolerance_e4: int) -> Flag:
    """Whether the order's money had gone back in full before this refund came."""
    in_full: Flag = back.refunded >= back.paid - tolerance_e4
    return in_full & (back.paid > 0) & (back.refunded > 0) & (back.amount > tolerance_e4)


def units(amount_e4: I64) -> F64:
    """As a person reads it: units of the order's currency."""
    shown: F64 = amount_e4 / 10_000
    return shown


def as_minor(amount_e4: I64) -> I64:
    """Minor units of a currency with two decimals, rounded down; never below 0."""
    minor: I64 = np.maximum(amount_e4, 0) // ONE_CENT_E4
    return minor
