"""Stock levels reported a minute, over all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic.dataclasses import dataclass

from features.batch import I64, Batch
from features.feature import STRICT
from features.text import Composed, Naming
from models.volume_series import DROP, ZERO, VolumeSeries


@dataclass(config=STRICT)
class StockReports(VolumeSeries):
    """All `inventory.updated`; a feed that falls silent leaves the shop selling what it does not have."""

    entity_type: ClassVar[str] = "feed"
    is_seasonal: ClassVar[bool] = True
    kinds: ClassVar[Mapping[int, str]] = {DROP: "inventory.feed_silent", ZERO: "inventory.feed_silent"}

    def count(self, batch: Batch) -> tuple[Naming, I64]:
        """Every stock level, under one key."""
        at = batch.stock.at
        return Composed(np.zeros(len(at), np.int64), lambda _: "inventory"), at
