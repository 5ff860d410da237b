"""Orders a minute by region."""

from __future__ import annotations

from typing import ClassVar

from pydantic.dataclasses import dataclass

from features.batch import I64, Batch
from features.feature import STRICT
from features.text import Naming
from models.volume_series import VolumeSeries, every_order


@dataclass(config=STRICT)
class RegionOrders(VolumeSeries):
    """Orders that go to one region."""

    entity_type: ClassVar[str] = "region"
    is_seasonal: ClassVar[bool] = True

    def count(self, batch: Batch) -> tuple[Naming, I64]:
        """Every order, under its region; one without an address under no name."""
        return every_order(batch, batch.created.region)
