"""Two promotions that must not meet, on one order."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

from pydantic.dataclasses import dataclass

from features.feature import STRICT
from models.examples import created
from models.finding import NOTHING, Findings
from models.rule import Rule
from models.rules._hits import Hits

if TYPE_CHECKING:
    from config.promotions import PromotionRegister
    from features.batch import Batch
    from features.keys import Keys


def _off(**amounts: str) -> list[dict[str, str]]:
    return [{"promotion_id": promotion, "amount": amount} for promotion, amount in amounts.items()]


@dataclass(config=STRICT)
class ExclusivePromotions(Rule):
    """Both promotions of a pair that the register excludes stand on the same order.

    It is enough that one of the two excludes the other; without a register nothing is known to exclude. The
    pair is named "P1+P2", in alphabetical order. Observed is 2 promotions of at most 1; the loss is the
    smaller discount of the two, in minor units: one of them should not have been given.
    """

    kind = "promotion.exclusive_pair"
    entity_type = "promotion_pair"
    PROMOTIONS: ClassVar[Mapping[str, Any]] = {
        "promotions": [{"promotion_id": "P1", "excludes": ["P2"]}, {"promotion_id": "P3"}]
    }

    FIRES = (
        [created(discounts=_off(P1="10.00", P2="5.00"))],
        [created(discounts=_off(P2="10.00", P3="1.00", P1="5.00"))],
    )
    QUIET = (
        [created()],
        [created(discounts=_off(P1="10.00"))],
        [created(discounts=_off(P1="10.00", P3="5.00"))],
        [created(discounts=[*_off(P1="10.00"), *_off(P1="5.00")])],
        [created(discounts=_off(P1="10.00")), created("o2", discounts=_off(P2="10.00"))],
    )

    def bind(self, promotions: PromotionRegister, spaces: Mapping[str, Keys]) -> None:
        """Take the pairs out of the register."""
        super().bind(promotions, spaces)
        self._excluded: defaultdict[str, set[str]] = defaultdict(set)
        for pair in promotions.excluded_pairs():
            one, other = sorted(pair)
            self._excluded[one].add(other)

    def check(self, batch: Batch) -> Findings:
        """Orders placed with such a pair."""
        if not self._excluded:
            return NOTHING
        hits = Hits()
        for order, rows in batch.discounts.several():
            if not self._excluded.keys().isdisjoint(batch.discounts.promotion[rows]):
                self._judge(batch, order, rows, hits)
        return hits.findings(batch)

    def _judge(self, batch: Batch, order: int, rows: slice, hits: Hits) -> None:
        discounts = batch.discounts
        amounts: defaultdict[str, int] = defaultdict(int)
        for name, amount in zip(discounts.promotion[rows], discounts.amount_minor[rows].tolist(), strict=True):
            amounts[name] += amount
        for one in amounts.keys() & self._excluded.keys():
            for other in amounts.keys() & self._excluded[one]:
                loss_minor = min(amounts[one], amounts[other])
                hits.add(int(batch.created.at[order]), f"{one}+{other}", 2, high=1, loss_minor=loss_minor)
