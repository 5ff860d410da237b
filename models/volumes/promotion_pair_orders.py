"""Orders a minute by pair of promotions: the live graph of what is combined with what."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import ClassVar

import numpy as np
from pydantic.dataclasses import dataclass

from features.batch import I64, Batch
from features.feature import STRICT
from models.volume_series import NO_KEY, SURGE, VolumeSeries


@dataclass(config=STRICT)
class PromotionPairOrders(VolumeSeries):
    """Orders on which two promotions stand together. A pair never seen before that grows is a leak, not a sale."""

    entity_type: ClassVar[str] = "promotion_pair"
    kinds: ClassVar[Mapping[int, str]] = {SURGE: "promotion.pair_surge"}

    def count(self, batch: Batch) -> tuple[list[str], I64]:
        """Every pair of different promotions on one order, as `P1+P2`; orders without one under no name."""
        discounts, keys = batch.discounts, [NO_KEY] * len(batch.created)
        orders = list(range(len(keys)))
        for order, (start, end) in _several(discounts.order):
            for pair in combinations(sorted(set(discounts.promotion[start:end])), 2):
                keys.append("+".join(pair))
                orders.append(order)
        return keys, batch.created.at[np.array(orders, np.int64)]


def _several(order: I64) -> list[tuple[int, tuple[int, int]]]:
    """Orders with two or more discounts, and where these lie."""
    orders, starts, counts = np.unique(order, return_index=True, return_counts=True)
    many = counts > 1
    ends = starts + counts
    return list(zip(orders[many].tolist(), zip(starts[many].tolist(), ends[many].tolist(), strict=True), strict=True))
