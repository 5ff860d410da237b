"""Events a minute by type: the systems behind the log, one by one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
from pydantic.dataclasses import dataclass

from features.batch import I64, Batch
from features.event import APPROVED, PAID, SHIPPED
from features.feature import STRICT
from features.text import Composed, Naming
from models.volume_series import DROP, ZERO, VolumeSeries

_NAMES: Final = {PAID: "order.paid", APPROVED: "order.approved", SHIPPED: "order.shipped"}


@dataclass(config=STRICT)
class SourceEvents(VolumeSeries):
    """Events of one type: each is sent by a system of its own, and one that falls silent says nothing of it.

    Deliveries are left out: they follow the orders of many days, and a carrier's are `delivery_overdue`.
    """

    entity_type: ClassVar[str] = "event_type"
    is_seasonal: ClassVar[bool] = True
    kinds: ClassVar[Mapping[int, str]] = {DROP: "system.source_silent", ZERO: "system.source_silent"}

    def count(self, batch: Batch) -> tuple[Naming, I64]:
        """Every stage that an order reached, under its event type."""
        at = ((batch.kind >= PAID) & (batch.kind <= SHIPPED)).nonzero()[0]
        kind = batch.kind[at].astype(np.int64)
        return Composed(kind, lambda i: _NAMES[int(kind[i])]), at
