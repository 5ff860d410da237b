"""Order lines a minute by seller."""

from __future__ import annotations

from typing import ClassVar

from pydantic.dataclasses import dataclass

from features.batch import I64, Batch
from features.feature import STRICT
from features.text import Naming
from models.volume_series import VolumeSeries


@dataclass(config=STRICT)
class SellerOrders(VolumeSeries):
    """Order lines of one seller."""

    entity_type: ClassVar[str] = "seller"

    def count(self, batch: Batch) -> tuple[Naming, I64]:
        """Every line, under its seller if it names one."""
        return batch.lines.seller, batch.created.at[batch.lines.order]
