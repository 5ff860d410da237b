"""Orders a minute by pair of promotions: the live graph of what is combined with what."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations
from typing import ClassVar

import numpy as np
from pydantic.dataclasses import dataclass

from features.batch import I64, Batch
from features.feature import STRICT
from features.text import Composed, Naming, Text, mixed
from models.volume_series import NO_KEY, SURGE, VolumeSeries, every_order


@dataclass(config=STRICT)
class PromotionPairOrders(VolumeSeries):
    """Orders on which two promotions stand together. A pair never seen before that grows is a leak, not a sale."""

    entity_type: ClassVar[str] = "promotion_pair"
    kinds: ClassVar[Mapping[int, str]] = {SURGE: "promotion.pair_surge"}

    def count(self, batch: Batch) -> tuple[Naming, I64]:
        """Every pair of different promotions on one order, as `P1+P2`; orders without one under no name."""
        promotion, first, second, order = batch.discounts.promotion, [], [], []
        several = batch.discounts.several()
        if not several:
            return every_order(batch, Composed(np.zeros(len(batch.created), np.int64), lambda _: NO_KEY))
        for row, rows in several:
            for pair in combinations(_different(promotion, rows), 2):
                order.append(row)
                first.append(pair[0])
                second.append(pair[1])
        n = len(batch.created)
        bits = mixed(promotion.hash[np.array(first, np.int64)], promotion.hash[np.array(second, np.int64)])
        keys = Composed(
            np.concatenate([np.zeros(n, np.int64), bits]),
            lambda i: NO_KEY if i < n else f"{promotion[first[i - n]]}+{promotion[second[i - n]]}",
        )
        return keys, batch.created.at[np.array([*range(n), *order], np.int64)]


def _different(promotion: Text, rows: slice) -> list[int]:
    """One row of each promotion on an order, by name."""
    return [row for _, row in sorted({promotion[row]: row for row in range(rows.start, rows.stop)}.items())]
