"""Order lines a minute by product."""

from __future__ import annotations

from typing import ClassVar

from pydantic.dataclasses import dataclass

from features.batch import I64, Batch
from features.feature import STRICT
from features.text import Naming
from models.volume_series import VolumeSeries


@dataclass(config=STRICT)
class ProductOrders(VolumeSeries):
    """Order lines of one product."""

    entity_type: ClassVar[str] = "product"

    def count(self, batch: Batch) -> tuple[Naming, I64]:
        """Every line, under its product."""
        return batch.lines.product, batch.created.at[batch.lines.order]
