"""Which open condition explains another away: one root alert silences its consequences.

As in Alertmanager's inhibition rules, a source that is open mutes the targets it explains. The shop as a whole
explains its channels; a shop that takes no orders explains that nobody pays.

A promotion that leaks explains that what it is used for sells: as many orders too many as it was seen on, no more, and
also after its end in windows that reach back into it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from models.verdict import Verdict

_FEWER: Final = frozenset({"volume.drop", "volume.zero"})


class Condition(NamedTuple):
    """What is open, or was: the kind, the entity that it is about, how often it was seen and when last."""

    kind: str
    entity_type: str
    entity: str
    signs: int = 1
    last_ms: int = 0
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class Inhibition:
    """While one of `sources` about a `source_type` is open, `targets` about `target_types` are not told.

    With `same_key`, only targets about the source's own entity, or about a part of it: `P1` of `P1+P2`. With
    `in_segment`, only targets about orders of the source: those of its channel. With `by_count`, only windows with no
    more orders too many than the source has signs; those it explains after its end, too, if they reach back into it.
    """

    sources: frozenset[str]
    source_type: str
    targets: frozenset[str]
    target_types: frozenset[str]
    same_key: bool = False
    in_segment: bool = False
    by_count: bool = False

    def mutes(self, source: Condition, target: Verdict) -> bool:
        """Whether this open source explains the target."""
        return (
            source.entity_type == self.source_type
            and source.kind in self.sources
            and target.kind in self.targets
            and target.entity_type in self.target_types
            and not (self.same_key and not set(target.entity.split("+")) <= set(source.entity.split("+")))
            and not (self.in_segment and target.segment.get(source.entity_type) != source.entity)
            and (self._is_enough(source, target) if self.by_count else not source.is_over)
        )

    def _is_enough(self, source: Condition, target: Verdict) -> bool:
        """Whether the source has as many signs as the target's window has orders too many."""
        if target.window_ms is None or source.last_ms < target.window_ms[0]:
            return False
        head = target.signals[0]
        return bool(head.observed - head.high <= source.signs)  # no range: not known, so not explained


LINGERS_MS: Final = 12 * 3_600_000
"""How long a condition that is over is kept for the windows that reach back into it: the longest have 6 hours."""

_SURGE: Final = frozenset({"volume.surge"})
_SQUEEZED: Final = frozenset({"price.below_cost", "price.margin_falling"})
_CHEAP: Final = _SQUEEZED | {"price.channel_margin_falling"}
"""What a second price list explains. Prices at its factor are no outliers to begin with; those that are have another
cause."""
_FAILURES: Final = frozenset({"payment.failures_surge"})
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
LINGERING: Final = frozenset(kind for rule in INHIBITIONS if rule.by_count for kind in rule.sources)
"""Kinds that explain windows also after their end."""


def is_muted(target: Verdict, conditions: Iterable[Condition]) -> bool:
    """Whether any of the conditions, which are open or were lately, explains the target."""
    return any(rule.mutes(source, target) for source in conditions for rule in INHIBITIONS)
