"""The customer is to pay nothing, or less."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from pydantic.dataclasses import dataclass

from features.feature import STRICT
from models.examples import created, line
from models.finding import NOTHING, Findings, found
from models.rule import Rule
from models.rules._amount_due import amount_due_minor

if TYPE_CHECKING:
    from features.batch import Batch


@dataclass(config=STRICT)
class TotalNotPositive(Rule):
    """An order whose total is 0 or below: the goods are given away.

    total <= 0. Observed is the total, in minor units; the loss is what the lines, shipping, tax and discounts
    leave to be paid (0 where they leave nothing), minus the total.

    Parameters
    ----------
    allow_zero
        Whether a total of exactly 0 passes where the order's own sum gives 0, as a voucher over the whole
        order or a free sample does. A total below 0 never passes.
    """

    kind = "price.total_not_positive"
    entity_type = "channel"
    in_minor_units = True

    FIRES = (
        [created(total_price=0)],
        [created(total_price="-0.01")],
        [created(discounts=[{"promotion_id": "P1", "amount": "110.00"}], total_price="0.00")],
    )
    QUIET = (
        [created(total_price="0.01")],
        [created(line_items=[line(price=0)])],
    )

    allow_zero: bool = False

    def check(self, batch: Batch) -> Findings:
        """Orders placed for nothing."""
        created_ = batch.created
        wrong = (created_.total_minor <= 0).nonzero()[0]
        if not len(wrong):
            return NOTHING
        due, total = amount_due_minor(created_)[wrong], created_.total_minor[wrong]
        if self.allow_zero:
            kept = (total < 0) | (due != 0)
            wrong, due, total = wrong[kept], due[kept], total[kept]
        return found(
            batch,
            created_.at[wrong],
            [created_.channel[i] for i in wrong.tolist()],
            observed=total,
            low=1,
            loss_minor=np.maximum(due, 0) - total,
        )
