"""Orders a minute by promotion."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic.dataclasses import dataclass

from config.promotions import PromotionRegister
from features.batch import I64, Batch
from features.feature import STRICT
from features.text import Naming
from models.volume_series import SURGE, VolumeSeries


@dataclass(config=STRICT)
class PromotionOrders(VolumeSeries):
    """Uses of one promotion. A surge up to twice what the register plans for is no surprise."""

    entity_type: ClassVar[str] = "promotion"
    kinds: ClassVar[Mapping[int, str]] = {SURGE: "promotion.surge"}

    def count(self, batch: Batch) -> tuple[Naming, I64]:
        """Every discount, under its promotion."""
        return batch.discounts.promotion, batch.created.at[batch.discounts.order]

    def is_expected(self, key: str, observed: int, window_ms: tuple[int, int], promotions: PromotionRegister) -> bool:
        """Whether the plan allows for so many in the window."""
        promotion = promotions.get(key)
        if promotion is None or promotion.expected_orders_per_hour is None:
            return False
        hours = (window_ms[1] - window_ms[0]) / 3_600_000
        return observed <= 2 * promotion.expected_orders_per_hour * hours + 10
