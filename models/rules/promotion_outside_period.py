"""A promotion used before it began or after it was over."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Final

from pydantic.dataclasses import dataclass

from features.feature import STRICT
from models.examples import created
from models.finding import NOTHING, Findings
from models.rule import Rule
from models.rules._hits import Hits

if TYPE_CHECKING:
    from config.promotions import Promotion, PromotionRegister
    from features.batch import Batch
    from features.keys import Keys

_OFF = [{"promotion_id": "P1", "amount": "5.00"}]
_MS_PER_HOUR: Final = 3_600_000
_ALWAYS: Final = (-sys.maxsize, sys.maxsize)


def _period_ms(promotion: Promotion) -> tuple[int, int]:
    starts, ends = promotion.starts_at, promotion.ends_at
    return (
        _ALWAYS[0] if starts is None else round(starts.timestamp() * 1000),
        _ALWAYS[1] if ends is None else round(ends.timestamp() * 1000),
    )


@dataclass(config=STRICT)
class PromotionOutsidePeriod(Rule):
    """An order uses a promotion outside the time it is registered for.

    The order's event time is before `starts_at`, or at `ends_at` or later. Observed is how many hours
    outside, of at most 0; the loss is the discount, in minor units.
    """

    kind = "promotion.outside_period"
    entity_type = "promotion"
    PROMOTIONS: ClassVar[Mapping[str, Any]] = {
        "promotions": [
            {"promotion_id": "P1", "starts_at": "2026-01-05T10:00:00Z", "ends_at": "2026-01-05T11:00:00Z"},
            {"promotion_id": "P2", "starts_at": "2026-01-05T10:00:00Z"},
        ]
    }

    FIRES = (
        [created(at=-1, discounts=_OFF)],
        [created(at=3600, discounts=_OFF)],
        [created(at=-60, discounts=[{"promotion_id": "P2", "amount": "5.00"}])],
    )
    QUIET = (
        [created(at=-1)],
        [created(at=0, discounts=_OFF)],
        [created(at=3599.999, discounts=_OFF)],
        [created(at=86_400, discounts=[{"promotion_id": "P2", "amount": "5.00"}])],
        [created(at=-1, discounts=[{"promotion_id": "P3", "amount": "5.00"}])],
    )

    def bind(self, promotions: PromotionRegister, spaces: Mapping[str, Keys]) -> None:
        """Take the periods out of the register."""
        super().bind(promotions, spaces)
        periods = {name: _period_ms(promotion) for name, promotion in promotions.promotions.items()}
        self._periods = {name: period for name, period in periods.items() if period != _ALWAYS}

    def check(self, batch: Batch) -> Findings:
        """Orders placed at such a time."""
        discounts = batch.discounts
        if not self._periods or not discounts.promotion or self._covers(discounts.promotion.distinct(), batch):
            return NOTHING
        at = batch.created.at[discounts.order]
        uses = zip(discounts.promotion, batch.time_ms[at].tolist(), strict=True)
        hits = Hits()
        for row, (name, time_ms) in enumerate(uses):
            starts_ms, ends_ms = self._periods.get(name, _ALWAYS)
            if not starts_ms <= time_ms < ends_ms:
                outside_ms = max(starts_ms - time_ms, time_ms - ends_ms + 1)  # the end itself is outside
                loss_minor = int(discounts.amount_minor[row])
                hits.add(int(at[row]), name, outside_ms / _MS_PER_HOUR, high=0, loss_minor=loss_minor)
        return hits.findings(batch)

    def _covers(self, promotions: list[str], batch: Batch) -> bool:
        """Whether all of them run through all of the batch, as nearly always."""
        first_ms, last_ms = int(batch.time_ms.min()), int(batch.time_ms.max())
        periods = [self._periods[name] for name in promotions if name in self._periods]
        return all(starts_ms <= first_ms and last_ms < ends_ms for starts_ms, ends_ms in periods)
