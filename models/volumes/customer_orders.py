"""Orders a minute by customer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic.dataclasses import dataclass

from features.batch import I64, Batch
from features.feature import STRICT
from features.text import Naming
from models.volume_series import SURGE, VolumeSeries, every_order


@dataclass(config=STRICT)
class CustomerOrders(VolumeSeries):
    """Orders of one customer."""

    entity_type: ClassVar[str] = "customer"
    kinds: ClassVar[Mapping[int, str]] = {SURGE: "behaviour.customer_burst"}

    def count(self, batch: Batch) -> tuple[Naming, I64]:
        """Every order, under its customer."""
        return every_order(batch, batch.created.customer)
