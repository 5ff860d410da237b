"""More is taken off than any promotion should."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from annotated_types import Ge, Le
from pydantic.dataclasses import dataclass

from features.feature import STRICT
from models.examples import created
from models.finding import NOTHING, Findings
from models.rule import Rule
from models.rules._hits import Hits
from models.rules._share import MILLION, per_million

if TYPE_CHECKING:
    from config.promotions import PromotionRegister
    from features.batch import F64, I64, Batch
    from features.keys import Keys


def _off(**amounts: str) -> list[dict[str, str]]:
    return [{"promotion_id": promotion, "amount": amount} for promotion, amount in amounts.items()]


@dataclass(config=STRICT)
class DiscountDepthOverCap(Rule):
    """A promotion takes a greater share of the goods than it was registered for, or all of them together do.

    discount / goods > max_discount_rate, for a promotion whose rate is registered. Else
    sum discounts / goods > the greater of `cap` and the registered rates on the order; then the deepest
    promotion is named. Observed is the share of the goods; the loss is what goes beyond the limit.

    Parameters
    ----------
    cap
        Share of the goods' value, 0 to 1, that all discounts of an order may take.
    """

    kind = "promotion.depth_over_cap"
    entity_type = "promotion"
    PROMOTIONS: ClassVar[Mapping[str, Any]] = {
        "promotions": [
            {"promotion_id": "SPRING", "max_discount_rate": 0.2},
            {"promotion_id": "CLEARANCE", "max_discount_rate": 0.9},
        ]
    }

    FIRES = (
        [created(discounts=_off(P1="70.01"))],
        [created(discounts=_off(P1="30.00", P2="40.01"))],
        [created(discounts=_off(SPRING="20.01"))],
        [created(discounts=_off(CLEARANCE="90.01"))],
        [created(discounts=_off(CLEARANCE="80.00", P1="10.01"))],
    )
    QUIET = (
        [created()],
        [created(discounts=_off(P1="70.00"))],
        [created(discounts=_off(SPRING="20.00", P2="40.00"))],
        [created(discounts=_off(CLEARANCE="80.00", P1="10.00"))],
    )

    cap: Annotated[float, Ge(0), Le(1)] = 0.7

    def bind(self, promotions: PromotionRegister, spaces: Mapping[str, Keys]) -> None:
        """Take the rates out of the register."""
        super().bind(promotions, spaces)
        rates = {name: promotion.max_discount_rate for name, promotion in promotions.promotions.items()}
        self._rates = {name: per_million(rate) for name, rate in rates.items() if rate is not None}
        self._cap = per_million(self.cap)

    def check(self, batch: Batch) -> Findings:
        """Orders placed with too deep a discount."""
        discounts, created_ = batch.discounts, batch.created
        if not len(discounts.order):
            return NOTHING
        hits = Hits()
        told = self._beyond_their_own(batch, hits)
        for order in _suspects(created_.discount_minor, created_.goods_minor, self._cap).tolist():
            if order not in told:
                self._beyond_together(batch, order, hits)
        return hits.findings(batch)

    def _beyond_their_own(self, batch: Batch, hits: Hits) -> set[int]:
        """Discounts above the registered rate of their promotion; returns the orders they stand on."""
        discounts, told = batch.discounts, set[int]()
        codes, names = discounts.promotion.coded()
        if self._rates.keys().isdisjoint(names):
            return told
        rates = np.array([self._rates.get(name, np.nan) for name in names])[codes]
        for row in _suspects(discounts.amount_minor, batch.created.goods_minor[discounts.order], rates).tolist():
            name, order = names[codes[row]], int(discounts.order[row])
            if self._add(batch, order, name, int(discounts.amount_minor[row]), self._rates[name], hits):
                told.add(order)
        return told

    def _beyond_together(self, batch: Batch, order: int, hits: Hits) -> None:
        discounts = batch.discounts
        start, stop = np.searchsorted(discounts.order, [order, order + 1]).tolist()
        promotions = discounts.promotion[start:stop]
        if promotions:
            rate = max([self._cap, *(self._rates.get(name, 0) for name in promotions)])
            deepest = promotions[int(discounts.amount_minor[start:stop].argmax())]
            self._add(batch, order, deepest, int(batch.created.discount_minor[order]), rate, hits)

    @staticmethod
    def _add(batch: Batch, order: int, promotion: str, amount: int, most: int, hits: Hits) -> bool:
        """Judge in integers; returns whether the amount is beyond the rate."""
        goods = max(int(batch.created.goods_minor[order]), 0)
        if amount * MILLION <= goods * most:
            return False
        hits.add(
            int(batch.created.at[order]),
            promotion,
            amount / max(goods, 1),
            high=most / MILLION,
            loss_minor=amount - goods * most // MILLION,
        )
        return True


def _suspects(amount_minor: I64, goods_minor: I64, most: int | F64) -> I64:
    """Where an amount may be beyond its share of the goods, in millionths."""
    # binary fractions only pick whom to look at, with a margin far above their error; integers decide
    rows: I64 = (amount_minor > goods_minor * (most * (1 - 1e-9) / MILLION)).nonzero()[0]
    return rows
