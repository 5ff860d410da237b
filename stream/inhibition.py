"""Which open condition explains another away: one root alert silences its consequences.

As in Alertmanager's inhibition rules, a source that is open mutes the targets it explains. The shop as a whole
explains its channels; a shop that takes no orders explains that nobody pays.

A promotion that leaks explains that what it is used for sells: as many orders too many as it was seen on, no more, and
also after its end in windows that reach back into it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from models.verdict import Verdict

_FEWER: Final = frozenset({"volume.drop", "volume.zero"})


class Condition(NamedTuple):
    """What is open, or was: the kind, the entity that it is about, how often it was seen, when last and since when."""

    kind: str
    entity_type: str
    entity: str
    signs: int = 1
    last_ms: int = 0
    is_over: bool = False
    begins_ms: int = 0


@dataclass(frozen=True, slots=True)
class Inhibition:
    """While one of `sources` about a `source_type` is open, `targets` about `target_types` are not told.

    With `same_key`, only targets about the source's own entity, or about a part of it: `P1` of `P1+P2`. With
    `in_segment`, only targets about orders of the source: those of its channel. With `by_count`, only windows with no
    more orders too many than the source has signs; those it explains after its end, too, if they reach back into it.
    With `by_wait`, only orders that began to wait while the source was there, however long after that they are overdue.
    With `of_route`, only routes of the source's entity: `paid/card` of `card`.
    """

    sources: frozenset[str]
    source_type: str
    targets: frozenset[str]
    target_types: frozenset[str]
    same_key: bool = False
    in_segment: bool = False
    by_count: bool = False
    by_wait: bool = False
    of_route: bool = False

    def mutes(self, source: Condition, target: Verdict, waited_ms: int = 0) -> bool:
        """Whether this source explains the target, which shows after an order has waited so long."""
        return (
            source.entity_type == self.source_type
            and source.kind in self.sources
            and target.kind in self.targets
            and target.entity_type in self.target_types
            and not (self.same_key and not set(target.entity.split("+")) <= set(source.entity.split("+")))
            and not (self.in_segment and target.segment.get(source.entity_type) != source.entity)
            and not (self.of_route and target.entity.split("/")[1:2] != [source.entity])
            and self._is_there(source, target, waited_ms)
        )

    def _is_there(self, source: Condition, target: Verdict, waited_ms: int) -> bool:
        """Whether the source was there when the target came about."""
        if self.by_count:
            return self._is_enough(source, target)
        if self.by_wait:
            began_ms = target.time_ms - waited_ms
            return source.begins_ms - _EARLIER_MS <= began_ms <= source.last_ms + _EARLIER_MS
        return not source.is_over

    def _is_enough(self, source: Condition, target: Verdict) -> bool:
        """Whether the source has as many signs as the target's window has orders too many."""
        if target.window_ms is None or source.last_ms < target.window_ms[0]:
            return False
        head = target.signals[0]
        return bool(head.observed - head.high <= source.signs)  # no range: not known, so not explained


_EARLIER_MS: Final = 900_000  # a window is told at its end, and says nothing of where in it things began
LINGERS_MS: Final = 12 * 3_600_000
"""How long a condition that is over is kept for the windows that reach back into it: the longest have 6 hours."""

_SURGE: Final = frozenset({"volume.surge"})
_SQUEEZED: Final = frozenset({"price.below_cost", "price.margin_falling"})
_CHEAP: Final = _SQUEEZED | {"price.channel_margin_falling"}
"""What a second price list explains. Prices at its factor are no outliers to begin with; those that are have another
cause."""
_FAILURES: Final = frozenset({"payment.failures_surge"})
_GATEWAY: Final = _FAILURES | {"payment.callbacks_missing"}
_LEAK: Final = frozenset({"promotion.exclusive_pair", "promotion.pair_surge"})
INHIBITIONS: Final = (
    Inhibition(frozenset({"price.second_list"}), "channel", _CHEAP, frozenset({"product", "channel"}), in_segment=True),
    # not a price that is wrong by a digit: that one earns little, too, but is no part of an hour of low margins
    Inhibition(
        frozenset({"price.channel_margin_falling"}), "channel", _SQUEEZED, frozenset({"product"}), in_segment=True
    ),
    Inhibition(_FEWER, "shop", _FEWER, frozenset({"channel", "region", "client_version", "carrier"})),
    Inhibition(_FEWER, "shop", frozenset({"system.source_silent"}), frozenset({"event_type"})),
    Inhibition(_FEWER, "shop", frozenset({"payment.callbacks_missing"}), frozenset({"payment_method"})),
    # who cannot pay has not paid, and what is not paid is not approved
    *(
        Inhibition(
            _GATEWAY,
            about,
            frozenset({"payment.overdue", "process.approval_overdue"}),
            frozenset({"channel"}),
            by_wait=True,
        )
        for about in ("payment_method", "payments")
    ),
    Inhibition(
        _GATEWAY,
        "payment_method",
        frozenset({"latency.outlier", "latency.slow_route"}),
        frozenset({"route"}),
        of_route=True,
    ),
    # failures of one method are told by its name, those of all methods at once as one
    Inhibition(_FAILURES, "payment_method", _FAILURES, frozenset({"payments"})),
    Inhibition(_FAILURES, "payments", _FAILURES, frozenset({"payment_method"})),
    # where nothing is sold no stock level changes
    Inhibition(_FEWER, "shop", frozenset({"inventory.feed_silent"}), frozenset({"feed"})),
    Inhibition(_FEWER, "shop", _SURGE, frozenset({"shop", "channel", "product", "seller"})),
    Inhibition(_SURGE, "shop", _SURGE, frozenset({"channel", "region", "client_version", "product", "seller"})),
    Inhibition(
        _LEAK,
        "promotion_pair",
        frozenset({"promotion.pair_surge", "promotion.surge", "promotion.stale_client"}),
        frozenset({"promotion_pair", "promotion"}),
        same_key=True,
    ),
    Inhibition(
        _LEAK, "promotion_pair", frozenset({"promotion.surge"}), frozenset({"promotion"}), same_key=True, by_count=True
    ),
    Inhibition(_LEAK, "promotion_pair", _SURGE, frozenset({"channel", "product", "seller"}), by_count=True),
)
LINGERING: Final = frozenset(kind for rule in INHIBITIONS if rule.by_count or rule.by_wait for kind in rule.sources)
"""Kinds that explain windows also after their end."""


def is_muted(target: Verdict, conditions: Iterable[Condition], waited_ms: int = 0) -> bool:
    """Whether any of the conditions, which are open or were lately, explains the target.

    `waited_ms` : how long an order waits before it is such a target.
    """
    return any(rule.mutes(source, target, waited_ms) for source in conditions for rule in INHIBITIONS)


def waits_ms(limits_seconds: Mapping[str, float]) -> dict[str, int]:
    """Kind -> how long an order waits before it is one, by the longest times that stages may take."""
    stages = {"payment.overdue": "paid", "process.approval_overdue": "approved"}
    return {kind: int(limits_seconds.get(stage, 0.0) * 1000) for kind, stage in stages.items()}
