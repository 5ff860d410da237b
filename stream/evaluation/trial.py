"""One stretch of orders whose truth is known: every watcher reads the same lines and is scored on the same labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from config.promotions import PromotionRegister
from config.settings import Settings
from stream.simulator.label import Label

DAY_MS: Final = 86_400_000
Purpose = Literal["tune", "report"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trial:
    """A log, and what is wrong in it.

    `lines` are events in order of event time. What lies before `reports_from_ms` trains whoever watches, and nothing
    told there counts. `level` is how hard its faults are to see, `source` where the orders come from.
    """

    source: str
    level: str
    seed: int
    purpose: Purpose
    lines: list[bytes]
    labels: list[Label]
    settings: Settings
    register: PromotionRegister
    begins_ms: int
    reports_from_ms: int
    ends_ms: int

    @property
    def days(self) -> float:
        """Days that count."""
        return (self.ends_ms - self.reports_from_ms) / DAY_MS

    @property
    def name(self) -> str:
        """What it is, for people."""
        return f"{self.source}, {self.level}, seed {self.seed}"
