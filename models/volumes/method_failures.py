"""Payments a minute that brought no money, by payment method."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic.dataclasses import dataclass

from features.batch import I64, Batch
from features.feature import STRICT
from features.text import Composed, Naming
from models.volume_series import NO_KEY, SURGE, VolumeSeries
from models.volumes.failed_payments import payments_of


@dataclass(config=STRICT)
class MethodFailures(VolumeSeries):
    """Payments of one method without money: its gateway declines, or is down.

    Measured as `failed_payments` are. Whichever of the two is told first silences the other: failures of one method
    are told by its name, those of all methods at once as one.
    """

    entity_type: ClassVar[str] = "payment_method"
    kinds: ClassVar[Mapping[int, str]] = {SURGE: "payment.failures_surge"}

    def count(self, batch: Batch) -> tuple[Naming, I64]:
        """Every payment; those without money under their method."""
        methods, failed, at = payments_of(batch)
        bits = np.zeros(len(at), np.int64)
        bits[: len(methods)] = methods.hash
        return Composed(bits, lambda i: methods[i] if failed[i] else NO_KEY), at
