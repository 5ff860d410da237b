"""Payments a minute that brought no money."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Final

import numpy as np
from pydantic.dataclasses import dataclass

from features.batch import I64, Batch
from features.event import PAID
from features.feature import STRICT
from features.text import Composed, Naming
from models.volume_series import NO_KEY, SURGE, VolumeSeries

_FAILED: Final = 1


@dataclass(config=STRICT)
class FailedPayments(VolumeSeries):
    """`order.paid` events without money: failed, declined, voided, or still pending.

    They are measured by the payments that did bring money, which are counted under no name: more customers have
    more failures.
    """

    entity_type: ClassVar[str] = "payments"
    kinds: ClassVar[Mapping[int, str]] = {SURGE: "payment.failures_surge"}

    def count(self, batch: Batch) -> tuple[Naming, I64]:
        """Every payment event; those without money under one key."""
        at = (batch.kind == PAID).nonzero()[0]
        has_money = np.zeros(len(batch), np.bool_)
        has_money[batch.payments.at] = True
        failed = np.where(has_money[at], 0, _FAILED).astype(np.int64)
        return Composed(failed, lambda i: "failed" if failed[i] else NO_KEY), at
