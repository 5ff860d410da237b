"""Orders a minute by region, measured by all orders: a mix that changes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic.dataclasses import dataclass

from features.batch import I64, Batch
from features.feature import STRICT
from features.text import Naming
from models.volume_series import SURGE, VolumeSeries, every_order


@dataclass(config=STRICT)
class RegionMix(VolumeSeries):
    """Region with far more orders than its share of all orders: a default that was changed in a form.

    Twice as many orders everywhere move no share.
    """

    entity_type: ClassVar[str] = "region"
    kinds: ClassVar[Mapping[int, str]] = {SURGE: "information.category_mix"}

    def count(self, batch: Batch) -> tuple[Naming, I64]:
        """Every order, under its region; one without an address under no name."""
        return every_order(batch, batch.created.region)
