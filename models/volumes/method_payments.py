"""Payments a minute by payment method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from pydantic.dataclasses import dataclass

from features.batch import I64, Batch
from features.feature import STRICT
from features.text import Naming
from models.volume_series import DROP, ZERO, VolumeSeries


@dataclass(config=STRICT)
class MethodPayments(VolumeSeries):
    """Payment callbacks of one method; a gateway that falls silent is a payment problem."""

    entity_type: ClassVar[str] = "payment_method"
    is_seasonal: ClassVar[bool] = True
    kinds: ClassVar[Mapping[int, str]] = {
        DROP: "payment.callbacks_missing",
        ZERO: "payment.callbacks_missing",
    }

    def count(self, batch: Batch) -> tuple[Naming, I64]:
        """Every payment received or returned, under its method."""
        return batch.payments.method, batch.payments.at
