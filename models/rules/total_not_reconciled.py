"""What the shop says an order costs is not what the payment system says it took."""

from __future__ import annotations

import numpy as np
from pydantic.dataclasses import dataclass

from features.batch import F64, I64, PAID_SO_FAR, REFUNDED_SO_FAR, TOTAL
from features.feature import STRICT
from models.examples import cancelled, created, paid, refunded
from models.rules._money_events import ONE_CENT_E4, units
from models.rules._unreconciled import Unreconciled

_HOUR = 3_600
_DAY = 24 * _HOUR


@dataclass(config=STRICT)
class TotalNotReconciled(Unreconciled):
    """Total and payments of an order still differ when the grace time is over, whichever was told first.

    paid < total - 0.01 after `stages.reconciled_within_seconds`, or paid - refunded > total + 0.01 after
    `stages.refunded_within_seconds`. A partial refund of an order paid in full is no difference, an order
    without any money is `paid_without_payment`. Observed is the money held, in units of the currency; the loss
    is what is missing.

    Parameters
    ----------
    ignored
        Channels paid in instalments, whose interest comes on top.
    """

    kind = "missing.reconciliation"
    issue = "total_differs"

    FIRES = (
        [created(), paid(amount="60.00"), created("o2", at=61 + _HOUR)],
        [paid(amount="60.00"), created(at=90), created("o2", at=91 + _HOUR)],
        [created(), paid(), paid(at=90), created("o2", at=91 + 3 * _DAY)],
    )
    QUIET = (
        [created(), paid(amount="60.00"), paid(at=90, amount="50.00"), created("o2", at=3 * _HOUR)],
        [paid(), created(at=90), created("o2", at=3 * _HOUR)],
        [created(), paid(), refunded(at=90, amount="60.00"), created("o2", at=9 * _DAY)],
        [created(), paid(), paid(at=90), refunded(at=_DAY), created("o2", at=9 * _DAY)],
        [created(), paid(amount="60.00"), cancelled(at=90), refunded(at=95, amount="60.00"), created("o2", at=_DAY)],
    )

    def seen(self, money_e4: I64) -> tuple[F64, F64, F64]:
        """What was paid against the total, where that is too little, else the money held."""
        paid_, total = money_e4[:, PAID_SO_FAR], money_e4[:, TOTAL]
        observed = np.where(paid_ < total - ONE_CENT_E4, paid_, paid_ - money_e4[:, REFUNDED_SO_FAR])
        return units(observed), units(total), units(total)

    def loss_e4(self, money_e4: I64) -> I64:
        """What is missing."""
        missing: I64 = money_e4[:, TOTAL] - money_e4[:, PAID_SO_FAR]
        return missing
