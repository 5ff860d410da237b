"""What went back goes back again."""

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
class DoubleRefund(Rule):
    """An order that was refunded in full is refunded once more; or, where asked for, the same amount again.

    refunded so far >= paid - tolerance_e4, and the event returns money. What exceeds the payment in one go is
    `refund_over_paid`. Observed is the sum refunded, in units of the currency; the loss is what this event
    returns too much.

    Parameters
    ----------
    tolerance_e4
        What may be missing for "in full", in ten thousandths of a currency unit (100 is 0.01).
    same_amount
        Whether a second refund of exactly the first one's amount counts, though the payment covers both; two
        equal pieces may well come back one after the other.
    """

    kind = "payment.double_refund"
    entity_type = "payment_method"

    FIRES = (
        [created(), paid(), refunded(at=100), refunded()],
        [created(), paid(), refunded(at=90, amount="60.00"), refunded(at=95, amount="50.00"), refunded(amount="50.00")],
    )
    QUIET = (
        [created(), paid(), refunded()],
        [created(), paid(), refunded(at=100, amount="55.00"), refunded(amount="55.00")],
        [created(), paid(), refunded(at=100, amount="60.00"), refunded(amount="60.00")],
        [created(), paid(), refunded(at=100), paid(at=110), refunded()],
        [created(), refunded(at=100), refunded()],
        [paid(), refunded(at=100), refunded()],
    )

    tolerance_e4: ToleranceE4 = ONE_CENT_E4
    same_amount: bool = False

    def check(self, batch: Batch) -> Findings:
        """Refunds of what was refunded."""
        back = money_events(batch, REFUNDED)
        if back is None:
            return NOTHING
        double = is_second_refund(back, self.tolerance_e4)
        if self.same_amount:
            double |= (back.refunded > 0) & (back.amount == back.refunded)
        rows = double.nonzero()[0]
        if not len(rows):
            return NOTHING
        refunded_, paid_ = (back.refunded + back.amount)[rows], back.paid[rows]
        once = np.where(refunded_ > paid_, paid_, back.refunded[rows])
        return found(
            batch,
            back.at[rows],
            [back.method(batch, row) for row in rows.tolist()],
            observed=units(refunded_),
            high=units(once),
            loss_minor=as_minor(refunded_ - np.maximum(once, back.refunded[rows])),
        )
