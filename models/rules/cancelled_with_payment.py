"""The order is cancelled, and the customer's money stays."""

from __future__ import annotations

import numpy as np
from pydantic.dataclasses import dataclass

from features.batch import F64, I64, PAID_SO_FAR, REFUNDED_SO_FAR
from features.feature import STRICT
from models.examples import cancelled, created, paid, refunded
from models.rules._money_events import units
from models.rules._unreconciled import Unreconciled

_DAY = 86_400


@dataclass(config=STRICT)
class CancelledWithPayment(Unreconciled):
    """A payment without paid status: money came for a cancelled order and was not returned in time.

    The payment came while the order was being cancelled, or its status was never set; or the refund was
    forgotten. paid - refunded > 0.01 at `stages.refunded_within_seconds` after the later of payment and
    cancellation. Observed and loss are the money held, in units of the currency.

    Parameters
    ----------
    ignored
        Channels that keep a fee, or give the money back as credit.
    """

    kind = "payment.kept_after_cancel"
    issue = "money_kept"

    FIRES = (
        [created(), cancelled(at=50), paid(), created("o2", at=61 + 3 * _DAY)],
        [created(), paid(), cancelled(at=90), created("o2", at=91 + 3 * _DAY)],
        [created(), paid(), cancelled(at=90), refunded(at=95, amount="100.00"), created("o2", at=91 + 3 * _DAY)],
    )
    QUIET = (
        [created(), cancelled(at=90), created("o2", at=9 * _DAY)],
        [created(), paid(), cancelled(at=90), created("o2", at=90 + 3 * _DAY)],
        [created(), paid(), cancelled(at=90), refunded(at=2 * _DAY), created("o2", at=9 * _DAY)],
        [created(), paid(status="failed"), cancelled(at=90), created("o2", at=9 * _DAY)],
    )

    def seen(self, money_e4: I64) -> tuple[F64, F64, F64]:
        """Money held, of nothing."""
        n = len(money_e4)
        return units(self.loss_e4(money_e4)), np.full(n, np.nan), np.zeros(n)

    def loss_e4(self, money_e4: I64) -> I64:
        """Money held: it is the customer's."""
        held: I64 = money_e4[:, PAID_SO_FAR] - money_e4[:, REFUNDED_SO_FAR]
        return held
