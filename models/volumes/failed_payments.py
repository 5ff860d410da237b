"""Payments a minute that brought no money."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic.dataclasses import dataclass

from features.batch import I64, Batch
from features.event import PAID
from features.feature import STRICT
from features.text import Composed, Naming, Text
from models.volume_series import NO_KEY, SURGE, VolumeSeries


@dataclass(config=STRICT)
class FailedPayments(VolumeSeries):
    """Payments of `order.paid` without money: failed, declined, voided, or still pending.

    They are measured by the payments in which money moved, which are counted under no name: more customers have more
    failures.
    """

    entity_type: ClassVar[str] = "payments"
    kinds: ClassVar[Mapping[int, str]] = {SURGE: "payment.failures_surge"}

    def count(self, batch: Batch) -> tuple[Naming, I64]:
        """Every payment; those without money under one key."""
        _, failed, at = payments_of(batch)
        return Composed(failed, lambda i: "failed" if failed[i] else NO_KEY), at


def payments_of(batch: Batch) -> tuple[Text, I64, I64]:
    """Methods of the payments that failed, and of all payments, these first, which failed, and their events."""
    received, failures = batch.payments, batch.failures
    if not len(failures.at):
        return failures.method, np.zeros(len(received.at), np.int64), received.at
    paid = (batch.kind[failures.at] == PAID).nonzero()[0]
    failed = np.zeros(len(paid) + len(received.at), np.int64)
    failed[: len(paid)] = 1
    return failures.method.take(paid), failed, np.concatenate([failures.at[paid], received.at])
