"""The customer paid again for what was paid."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic.dataclasses import dataclass

from features.event import PAID
from features.feature import STRICT
from models.examples import created, paid, refunded
from models.finding import NOTHING, Findings, found
from models.rule import Rule
from models.rules._money_events import (
    ONE_CENT_E4,
    ToleranceE4,
    as_minor,
    is_second_payment,
    money_events,
    units,
)

if TYPE_CHECKING:
    from features.batch import Batch


@dataclass(config=STRICT)
class DuplicatePayment(Rule):
    """An order that was paid in full is paid once more.

    paid so far - refunded >= total - tolerance_e4, and the event brings money. A payment that was returned
    before does not count, so paying anew after a reversal is honest. Observed is the money held, in units of
    the currency; the loss is the surplus that this event adds, owed to the customer.

    Parameters
    ----------
    tolerance_e4
        What may be missing for "in full", and what counts as no money, in ten thousandths of a currency unit.
    """

    kind = "payment.double"
    entity_type = "payment_method"

    FIRES = (
        [created(), paid(), paid(at=90)],
        [created(), paid(), paid(at=90, amount="20.00")],
        [created(), paid(), refunded(at=70), paid(at=80), paid(at=90)],
    )
    QUIET = (
        [created(), paid()],
        [created(), paid(amount="60.00"), paid(at=90, amount="50.00")],
        [created(), paid(), paid(at=90, status="failed")],
        [created(), paid(), refunded(at=70), paid(at=80)],
        [created(), paid(), created("o2"), paid("o2")],
        [created(total_price=0), paid(amount="110.00")],
    )

    tolerance_e4: ToleranceE4 = ONE_CENT_E4

    def check(self, batch: Batch) -> Findings:
        """Payments of orders that were paid."""
        paid_ = money_events(batch, PAID)
        if paid_ is None:
            return NOTHING
        rows = is_second_payment(paid_, self.tolerance_e4).nonzero()[0]
        if not len(rows):
            return NOTHING
        held, total = (paid_.held + paid_.amount)[rows], paid_.total[rows]
        return found(
            batch,
            paid_.at[rows],
            [paid_.method(batch, row) for row in rows.tolist()],
            observed=units(held),
            low=units(total),
            high=units(total),
            loss_minor=as_minor(held - np.maximum(total, paid_.held[rows])),
        )
