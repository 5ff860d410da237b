"""What is said of one order, or of one window: the signals, and the one verdict that they add up to."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

INHIBITED_BY: Final[Mapping[str, frozenset[str]]] = {
    "price": frozenset({"promotion"}),
    "behaviour": frozenset({"promotion", "price", "payment", "duplicate", "information"}),
    "process": frozenset({"payment"}),
}
"""Families that say nothing of an order of which a likelier cause is known: a stacked coupon explains a price."""
EXPLAINED_BY: Final[Mapping[str, frozenset[str]]] = {
    kind: frozenset({"price.decimal_shift", "price.outlier"})
    for kind in ("promotion.depth_over_cap", "promotion.depth_outlier")
}
"""Kinds that are a mere consequence of others on the same order: of goods at a tenth of their price, any coupon takes
off too great a share."""


def family_of(kind: str) -> str:
    """Return the part of a kind before the dot.

    >>> family_of("promotion.exclusive_pair")
    'promotion'
    """
    return kind.partition(".")[0]


@dataclass(frozen=True, slots=True)
class Signal:
    """One part's word: `score` in [0, 1], the value it saw and the range it expected (NaN: none).

    `version` : `name@version` of the model that spoke, where the part serves one.
    """

    part: str
    kind: str
    score: float
    weight: float
    observed: float
    low: float
    high: float
    is_rule: bool
    contribution: float = 0.0
    version: str = ""


@dataclass(frozen=True, slots=True)
class Verdict:
    """One order (or one window of volume) judged abnormal, with its evidence.

    `clock_ms`, `partition`, `offset` give its place in the log: verdicts are taken in that order. `segment` says
    where the order came from, dimension by dimension. `loss_e4` is in ten thousandths of a unit. `window_ms` is
    the window judged, where there is one. `normal_if` says what would have been normal, and `comparable` names normal
    orders beside it; both are worked out for what may become an alert only (`models.explainer`).
    """

    kind: str
    score: float
    entity_type: str
    entity: str
    time_ms: int
    clock_ms: int
    partition: int
    offset: int
    signals: tuple[Signal, ...]
    order_id: str = ""
    loss_e4: int = 0
    currency: str = ""
    segment: Mapping[str, str] = field(default_factory=dict)
    window_ms: tuple[int, int] | None = None
    normal_if: tuple[str, ...] = ()
    comparable: tuple[str, ...] = ()

    @property
    def place(self) -> tuple[int, int, int]:
        """Where in the merged log this verdict stands."""
        return self.clock_ms, self.partition, self.offset
