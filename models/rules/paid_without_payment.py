"""The order is marked as paid, and no money came."""

from __future__ import annotations

import numpy as np
from pydantic.dataclasses import dataclass

from features.batch import F64, I64, PAID_SO_FAR, TOTAL
from features.feature import STRICT
from models.examples import approved, cancelled, created, paid, refunded
from models.rules._money_events import units
from models.rules._unreconciled import Unreconciled

_HOUR = 3_600


@dataclass(config=STRICT)
class PaidWithoutPayment(Unreconciled):
    """`order.paid` was said without a payment in which money moved, and none followed in time.

    The payment provider's callback is missing, or later than `stages.reconciled_within_seconds`. An order that
    costs nothing is not judged. Observed is the money received, in units of the currency; the loss is the total.

    Parameters
    ----------
    ignored
        Channels whose cards are only authorised until the goods leave, or that are paid at the door.
    """

    kind = "payment.paid_without_payment"
    issue = "without_money"

    FIRES = (
        [created(), paid(status="pending"), created("o2", at=60 + _HOUR + 1)],
        [created(), paid(status="failed"), approved(), paid(at=70, status="failed"), created("o2", at=61 + _HOUR)],
    )
    QUIET = (
        [created(), paid(status="pending"), created("o2", at=60 + _HOUR)],
        [created(), paid(status="pending"), paid(at=_HOUR), created("o2", at=3 * _HOUR)],
        [created(total_price=0), paid(amount="0.00"), created("o2", at=3 * _HOUR)],
        [created(), paid(status="failed"), cancelled(at=90), created("o2", at=3 * _HOUR)],
        [created(), paid(), refunded(at=90), created("o2", at=3 * _HOUR)],
    )

    def seen(self, money_e4: I64) -> tuple[F64, F64, F64]:
        """Money received, of at least the total."""
        return units(money_e4[:, PAID_SO_FAR]), units(money_e4[:, TOTAL]), np.full(len(money_e4), np.nan)

    def loss_e4(self, money_e4: I64) -> I64:
        """The total."""
        total: I64 = money_e4[:, TOTAL]
        return total
