"""Orders a minute, over all."""

from __future__ import annotations

from typing import ClassVar

from pydantic.dataclasses import dataclass

from features.batch import I64, Batch
from features.feature import STRICT
from models.volume_series import VolumeSeries, every_order


@dataclass(config=STRICT)
class AllOrders(VolumeSeries):
    """All orders placed."""

    entity_type: ClassVar[str] = "shop"
    is_seasonal: ClassVar[bool] = True

    def count(self, batch: Batch) -> tuple[list[str], I64]:
        """Every order, under one key."""
        return every_order(batch, ["all"] * len(batch.created))
