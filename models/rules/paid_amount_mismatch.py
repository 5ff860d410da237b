"""The money that came is not the money that was asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Ge
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
from models.rules._share import per_million, share_of

if TYPE_CHECKING:
    from features.batch import Batch


@dataclass(config=STRICT)
class PaidAmountMismatch(Rule):
    """The shop believes the order is paid, with more or less money than its total.

    |paid so far + this event - refunded - total| > tolerance_e4. An order paid in full before is a double
    payment and left to that rule; one whose creation was not seen is not judged. Grouped by the method of the
    event's largest payment. Observed is the money held, in units of the currency; the loss is what
    is missing.

    Parameters
    ----------
    tolerance_e4
        Difference allowed, in ten thousandths of a currency unit (100 is 0.01).
    max_surplus_share
        Share of the total, 0 to 1, that may come on top, as the interest of instalments does.
    allow_partial
        Whether an order may be paid in parts, an event each: then only a surplus counts.
    """

    kind = "payment.amount_mismatch"
    entity_type = "payment_method"

    FIRES = (
        [created(), paid(amount="100.00")],
        [created(), paid(amount="110.02")],
        [created(), paid(), refunded(at=70), paid(at=80, amount="109.98")],
        [created(currency="JPY", total_price=110), paid(amount="111")],
    )
    QUIET = (
        [created(), paid()],
        [created(), paid(amount="110.01")],
        [created(), paid(status="failed"), paid(at=90)],
        [created(), paid(), paid(at=90)],
        [paid(amount="5.00")],
        [paid(amount="5.00"), created(at=90)],
    )

    tolerance_e4: ToleranceE4 = ONE_CENT_E4
    max_surplus_share: Annotated[float, Ge(0)] = 0.0
    allow_partial: bool = False

    def check(self, batch: Batch) -> Findings:
        """Payments that leave the order paid with another amount."""
        paid_ = money_events(batch, PAID)
        if paid_ is None:
            return NOTHING
        held = paid_.held + paid_.amount
        most = paid_.total
        if self.max_surplus_share:
            most = most + share_of(np.maximum(most, 0), per_million(self.max_surplus_share))
        wrong = held > most + self.tolerance_e4
        if not self.allow_partial:
            wrong |= held < paid_.total - self.tolerance_e4
        rows = (wrong & ~is_second_payment(paid_, self.tolerance_e4)).nonzero()[0]
        if not len(rows):
            return NOTHING
        return found(
            batch,
            paid_.at[rows],
            [paid_.method(batch, row) for row in rows.tolist()],
            observed=units(held[rows]),
            low=units(paid_.total[rows]),
            high=units(most[rows]),
            loss_minor=as_minor(paid_.total[rows] - held[rows]),
        )
