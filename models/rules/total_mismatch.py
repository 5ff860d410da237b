"""The order's total is not what its lines add up to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import numpy as np
from annotated_types import Ge
from pydantic.dataclasses import dataclass

from features.feature import STRICT
from models.examples import created, line
from models.finding import NOTHING, Findings, found
from models.rule import Rule
from models.rules._amount_due import amount_due_minor

if TYPE_CHECKING:
    from features.batch import Batch

_OFF = [{"promotion_id": "P1", "amount": "5.00"}]


@dataclass(config=STRICT)
class TotalMismatch(Rule):
    """The customer is asked for another total than the order's own lines give.

    |sum price x quantity + shipping + tax - sum discounts - total| > tolerance_minor. Observed is the total,
    in minor units; the loss is what the customer is asked too little.

    Parameters
    ----------
    tolerance_minor
        Difference that rounding explains, in minor units of the order's currency.
    """

    kind = "price.total_mismatch"
    entity_type = "channel"
    in_minor_units = True

    FIRES = (
        [created(total_price="108.00")],
        [created(total_price="111.00")],
        [created(), created("o2", at=1, discounts=_OFF)],
        [created(currency="JPY", line_items=[line(price=100)], total_shipping=0, total_price=102)],
    )
    QUIET = (
        [created()],
        [created(total_price="110.01")],
        [created(discounts=_OFF, total_tax="3.00", total_price="108.00")],
        [created(line_items=[line(quantity=2), line(price="0.10")], total_price=210.1)],
        [created(currency="KWD", line_items=[line(price="1.234")], total_shipping=0, total_price="1.234")],
    )

    tolerance_minor: Annotated[int, Ge(0)] = 1

    def check(self, batch: Batch) -> Findings:
        """Orders placed with a wrong total."""
        created_ = batch.created
        due = amount_due_minor(created_)
        missing = due - created_.total_minor
        wrong = (np.abs(missing) > self.tolerance_minor).nonzero()[0]
        if not len(wrong):
            return NOTHING
        return found(
            batch,
            created_.at[wrong],
            [created_.channel[i] for i in wrong.tolist()],
            observed=created_.total_minor[wrong],
            low=due[wrong].astype(np.float64) - self.tolerance_minor,
            high=due[wrong].astype(np.float64) + self.tolerance_minor,
            loss_minor=np.maximum(missing[wrong], 0),
        )
