"""A parcel that cannot be followed."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import field
from typing import TYPE_CHECKING

import numpy as np
from pydantic.dataclasses import dataclass

from features.feature import STRICT
from models.examples import created, paid, shipped
from models.finding import NOTHING, Findings, found
from models.rule import Rule

if TYPE_CHECKING:
    from features.batch import Batch


@dataclass(config=STRICT)
class TrackingNumberMalformed(Rule):
    """The tracking number is not one that the carrier could have given.

    The whole number must match the pattern. Observed is 1 of at most 0.

    Parameters
    ----------
    pattern
        Regular expression for every carrier that has none of its own; lenient by default, since there are
        hundreds of forms: 5 to 40 capitals, digits and hyphens.
    carriers
        The same by carrier.
    """

    kind = "logistics.tracking_malformed"
    entity_type = "carrier"

    FIRES = (
        [shipped(tracking_number="n/a")],
        [created(), paid(), shipped(tracking_number="SF 123 456")],
        [shipped(), shipped("o2", tracking_number="1" * 41)],
        [shipped(tracking_number="SF1234567890\n")],
    )
    QUIET = (
        [shipped()],
        [shipped(tracking_number="1Z-999-AA1")],
        [created(), paid()],
    )

    pattern: re.Pattern[str] = re.compile(r"[A-Z0-9\-]{5,40}")
    carriers: dict[str, re.Pattern[str]] = field(default_factory=dict)

    def check(self, batch: Batch) -> Findings:
        """Hand-overs with such a number."""
        shipments = batch.shipments
        if not len(shipments.at):
            return NOTHING
        wrong = self._wrong(shipments.carrier, shipments.tracking_number)
        if not wrong:
            return NOTHING
        carriers = [shipments.carrier[i] for i in wrong]
        return found(batch, shipments.at[wrong], carriers, observed=np.ones(len(wrong)), high=0)

    def _wrong(self, carriers: Iterable[str], numbers: Iterable[str]) -> list[int]:
        matches = self.pattern.fullmatch
        if self.carriers.keys().isdisjoint(carriers):
            return [i for i, number in enumerate(numbers) if not matches(number)]
        own = {carrier: pattern.fullmatch for carrier, pattern in self.carriers.items()}
        pairs = zip(carriers, numbers, strict=True)
        return [i for i, (carrier, number) in enumerate(pairs) if not own.get(carrier, matches)(number)]
