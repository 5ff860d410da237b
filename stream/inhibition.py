"""Which open condition explains another away: one root alert silences its consequences.

As in Alertmanager's inhibition rules, a source that is open mutes the targets it explains. The shop as a whole
explains its channels; a shop that takes no orders explains that nobody pays.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from models.verdict import Verdict

_FEWER: Final = frozenset({"volume.drop", "volume.zero"})


class Condition(NamedTuple):
    """What is open: the kind, and the entity that it is about."""

    kind: str
    entity_type: str
    entity: str


@dataclass(frozen=True, slots=True)
class Inhibition:
    """While one of `sources` about a `source_type` is open, `targets` about `target_types` are not told.

    With `same_key`, only targets about the source's own entity, or about a part of it: `P1` of `P1+P2`. With
    `in_segment`, only targets about orders of the source: those of its channel.
    """

    sources: frozenset[str]
    source_type: str
    targets: frozenset[str]
    target_types: frozenset[str]
    same_key: bool = False
    in_segment: bool = False

    def mutes(self, source: Condition, target: Verdict) -> bool:
        """Whether this open source explains the target."""
        return (
            source.entity_type == self.source_type
            and source.kind in self.sources
            and target.kind in self.targets
            and target.entity_type in self.target_types
            and not (self.same_key and not set(target.entity.split("+")) <= set(source.entity.split("+")))
            and not (self.in_segment and target.segment.get(source.entity_type) != source.entity)
        )


_SURGE: Final = frozenset({"volume.surge"})
_CHEAP: Final = frozenset({"price.outlier", "price.below_cost", "price.margin_falling", "price.channel_margin_falling"})
INHIBITIONS: Final = (
    Inhibition(frozenset({"price.second_list"}), "channel", _CHEAP, frozenset({"product", "channel"}), in_segment=True),
    Inhibition(_FEWER, "shop", _FEWER, frozenset({"channel", "region", "client_version", "carrier"})),
    Inhibition(_FEWER, "shop", frozenset({"system.source_silent"}), frozenset({"event_type"})),
    Inhibition(_FEWER, "shop", frozenset({"payment.callbacks_missing"}), frozenset({"payment_method"})),
    Inhibition(_FEWER, "shop", _SURGE, frozenset({"shop", "channel", "product", "seller"})),
    Inhibition(_SURGE, "shop", _SURGE, frozenset({"channel", "region", "client_version", "product", "seller"})),
    Inhibition(
        frozenset({"promotion.exclusive_pair", "promotion.pair_surge"}),
        "promotion_pair",
        frozenset({"promotion.pair_surge", "promotion.surge", "promotion.stale_client"}),
        frozenset({"promotion_pair", "promotion"}),
        same_key=True,
    ),
)


def is_muted(target: Verdict, open_conditions: Iterable[Condition]) -> bool:
    """Whether any open condition explains the target."""
    return any(rule.mutes(source, target) for source in open_conditions for rule in INHIBITIONS)
