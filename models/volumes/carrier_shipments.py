"""Hand-overs a minute by carrier."""

from __future__ import annotations

from typing import ClassVar

from pydantic.dataclasses import dataclass

from features.batch import I64, Batch
from features.feature import STRICT
from features.text import Naming
from models.volume_series import VolumeSeries


@dataclass(config=STRICT)
class CarrierShipments(VolumeSeries):
    """Parcels handed to one carrier; where they are handed over in heaps, every heap is a surge: off by default."""

    entity_type: ClassVar[str] = "carrier"
    is_seasonal: ClassVar[bool] = True

    def count(self, batch: Batch) -> tuple[Naming, I64]:
        """Every hand-over, under its carrier."""
        return batch.shipments.carrier, batch.shipments.at
