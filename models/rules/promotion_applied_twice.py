"""The same promotion more than once on one order."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import field
from typing import TYPE_CHECKING

from pydantic.dataclasses import dataclass

from features.feature import STRICT
from models.examples import created
from models.rule import Rule
from models.rules._hits import Hits

if TYPE_CHECKING:
    from features.batch import Batch
    from models.finding import Findings


def _off(*promotions: str) -> list[dict[str, str]]:
    return [{"promotion_id": promotion, "amount": "5.00"} for promotion in promotions]


@dataclass(config=STRICT)
class PromotionAppliedTwice(Rule):
    """One promotion stands on an order more than once.

    The same `promotion_id` counts, whatever the codes: a code names the customer's right, the promotion what
    it gives, and one promotion reached by two codes is the usual way to take it twice. Two promotions, such
    as two vouchers of different series, are no repetition. Observed is the number of times, of at most 1; the
    loss is every application after the first, in minor units.

    Parameters
    ----------
    repeatable
        Promotions that may repeat, such as a series of vouchers that customers may combine.
    """

    kind = "promotion.applied_twice"
    entity_type = "promotion"

    FIRES = (
        [created(discounts=_off("P1", "P1"))],
        [created(discounts=_off("P1", "P2", "P1"))],
    )
    QUIET = (
        [created(discounts=_off("P1"))],
        [created(discounts=_off("P1", "P2"))],
        [created(discounts=_off("P1")), created("o2", discounts=_off("P1"))],
    )

    repeatable: list[str] = field(default_factory=list)

    def check(self, batch: Batch) -> Findings:
        """Orders placed with a repeated promotion."""
        hits = Hits()
        for order, rows in batch.discounts.several():
            promotions = batch.discounts.promotion[rows]
            if len(set(promotions)) < len(promotions):
                self._judge(batch, order, rows, hits)
        return hits.findings(batch)

    def _judge(self, batch: Batch, order: int, rows: slice, hits: Hits) -> None:
        discounts = batch.discounts
        amounts: defaultdict[str, list[int]] = defaultdict(list)
        for name, amount in zip(discounts.promotion[rows], discounts.amount_minor[rows].tolist(), strict=True):
            amounts[name].append(amount)
        for name, given in amounts.items():
            if len(given) > 1 and name not in self.repeatable:
                at = int(batch.created.at[order])
                hits.add(at, name, len(given), high=1, loss_minor=sum(given[1:]))
