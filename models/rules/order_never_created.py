"""Payment or fulfilment knows an order that the shop never told of."""

from __future__ import annotations

import numpy as np
from pydantic.dataclasses import dataclass

from features.batch import F64, I64, PAID_SO_FAR
from features.feature import STRICT
from models.examples import created, paid, shipped
from models.rules._unreconciled import Unreconciled

_HOUR = 3_600
_DAY = 24 * _HOUR


@dataclass(config=STRICT)
class OrderNeverCreated(Unreconciled):
    """An order was paid, shipped or delivered, and no `order.created` came within the grace time.

    The grace time is `stages.reconciled_within_seconds`, from the first event of the order. Orders that may have
    begun before the log did, or before what is remembered of it, are not judged: an `order.paid` counts from
    `stages.paid_within_seconds` after the first event on, an `order.shipped` from `shipped_within_seconds` on.
    The channel is not known. Observed is 1 of at most 0; the loss is the money received for it.

    Parameters
    ----------
    ignored
        As in the other rules of this sort; the channel of an order nobody created is "unknown".
    """

    kind = "missing.order"
    issue = "never_created"

    FIRES = (
        [created(), paid("o2", at=_DAY + 1), created("o3", at=_DAY + 2 + _HOUR)],
        [created(), shipped("o2", at=3 * _DAY + 1), created("o3", at=3 * _DAY + 2 + _HOUR)],
    )
    QUIET = (
        [created(), paid("o2", at=_DAY + 1), created("o2", at=_DAY + 9), created("o3", at=3 * _DAY)],
        [created(), paid("o2", at=_DAY), created("o3", at=3 * _DAY)],
        [created(), shipped("o2", at=2 * _DAY), created("o3", at=3 * _DAY)],
        [paid("o2", at=0), shipped("o2", at=9 * _DAY), created("o3", at=20 * _DAY)],
    )

    def seen(self, money_e4: I64) -> tuple[F64, F64, F64]:
        """One order of none."""
        n = len(money_e4)
        return np.ones(n), np.full(n, np.nan), np.zeros(n)

    def loss_e4(self, money_e4: I64) -> I64:
        """What was paid for it: goods or money will have to go."""
        paid_: I64 = money_e4[:, PAID_SO_FAR]
        return paid_
