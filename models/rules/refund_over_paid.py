"""More money goes back than came."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic.dataclasses import dataclass

from features.event import REFUNDED
from features.feature import STRICT
from models.examples import created, paid, refunded
from models.finding import NOTHING, Findings, found
from models.rule import Rule
from models.rules._money_events import ONE_CENT_E4, ToleranceE4, as_minor, is_second_refund, money_events, units

if TYPE_CHECKING:
    from features.batch import Batch


@dataclass(config=STRICT)
class RefundOverPaid(Rule):
    """An order's refunds, this one included, exceed what was paid for it.

    refunded so far + this event > paid so far + tolerance_e4. An order refunded in full before is a double
    refund and left to that rule; one whose creation was not seen is not judged. Observed is the sum refunded,
    in units of the currency; the loss is what this event returns too much.

    Parameters
    ----------
    tolerance_e4
        Difference allowed, in ten thousandths of a currency unit (100 is 0.01).
    """

    kind = "payment.refund_over_paid"
    entity_type = "payment_method"

    FIRES = (
        [created(), refunded()],
        [created(), paid(), refunded(amount="110.02")],
        [created(), paid(), refunded(at=100, amount="60.00"), refunded(amount="60.00")],
        [created(), paid(status="failed"), refunded()],
    )
    QUIET = (
        [created(), paid(), refunded()],
        [created(), paid(), refunded(at=100, amount="60.00"), refunded(amount="50.00")],
        [created(), paid(), refunded(at=100), refunded()],
        [created(), paid(), paid(at=90), refunded(amount="220.00")],
        [refunded()],
        [paid(), refunded(amount="150.00")],
    )

    tolerance_e4: ToleranceE4 = ONE_CENT_E4

    def check(self, batch: Batch) -> Findings:
        """Refunds of money that never came."""
        back = money_events(batch, REFUNDED)
        if back is None:
            return NOTHING
        refunded_ = back.refunded + back.amount
        too_much = (refunded_ > back.paid + self.tolerance_e4) & (back.amount > 0)
        rows = (too_much & ~is_second_refund(back, self.tolerance_e4)).nonzero()[0]
        if not len(rows):
            return NOTHING
        return found(
            batch,
            back.at[rows],
            [back.method(batch, row) for row in rows.tolist()],
            observed=units(refunded_[rows]),
            high=units(back.paid[rows]),
            loss_minor=as_minor(refunded_[rows] - np.maximum(back.paid[rows], back.refunded[rows])),
        )
