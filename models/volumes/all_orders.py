"""Orders a minute, over all."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic.dataclasses import dataclass

from features.batch import I64, Batch
from features.feature import STRICT
from features.text import Composed, Naming
from models.volume_series import VolumeSeries, every_order


@dataclass(config=STRICT)
class AllOrders(VolumeSeries):
    """All orders placed."""

    entity_type: ClassVar[str] = "shop"
    is_seasonal: ClassVar[bool] = True

    def count(self, batch: Batch) -> tuple[Naming, I64]:
        """Every order, under one key."""
        return every_order(batch, Composed(np.zeros(len(batch.created), np.int64), lambda _: "all"))
