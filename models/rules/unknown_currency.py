"""An order in a currency that is none."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING

import numpy as np
from pydantic.dataclasses import dataclass

from config.currency import exponent
from features.feature import STRICT
from models.examples import created
from models.finding import NOTHING, Findings, found
from models.rule import Rule

if TYPE_CHECKING:
    from features.batch import Batch


@dataclass(config=STRICT)
class UnknownCurrency(Rule):
    """The order's currency is no code of ISO 4217, in capitals, so nobody knows what its amounts are worth.

    Its amounts are read with two decimals. Observed is 1 of at most 0. Source: ISO 4217 list one; codes that
    have no minor unit (gold, test codes) are no money.

    Parameters
    ----------
    accepted
        Codes of the shop's own, such as loyalty points, that pass as well.
    """

    kind = "information.unknown_currency"
    entity_type = "channel"

    FIRES = (
        [created(currency="ZZZ")],
        [created(currency="cny")],
        [created(currency="XAU")],
        [created(), created("o2", currency="RMB")],
    )
    QUIET = (
        [created()],
        [created(currency="JPY", total_price=110), created("o2", currency="KWD")],
    )

    accepted: list[str] = field(default_factory=list)

    def check(self, batch: Batch) -> Findings:
        """Orders placed in such a currency."""
        created_ = batch.created
        strange = {code for code in created_.currency.distinct() if exponent(code) is None}
        strange.difference_update(self.accepted)
        if not strange:
            return NOTHING
        wrong = np.array([i for i, code in enumerate(created_.currency) if code in strange], np.int64)
        channels = [created_.channel[i] for i in wrong.tolist()]
        return found(batch, created_.at[wrong], channels, observed=np.ones(len(wrong)), high=0)
