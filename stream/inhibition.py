"""Which open condition explains another away: one root alert silences its consequences.

As in Alertmanager's inhibition rules, a source that is open mutes the targets it explains. The shop as a whole
explains its channels; a shop that takes no orders explains that nobody pays.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from models.verdict import Verdict

_FEWER: Final = frozenset({"volume.drop", "volume.zero"})


@dataclass(frozen=True, slots=True)
class Inhibition:
    """While one of `sources` about a `source_type` is open, `targets` about `target_types` are not told."""

    sources: frozenset[str]
    source_type: str
    targets: frozenset[str]
    target_types: frozenset[str]

    def mutes(self, source_kind: str, source_type: str, target: Verdict) -> bool:
        """Whether this open source explains the target."""
        return (
            source_type == self.source_type
            and source_kind in self.sources
            and target.kind in self.targets
            and target.entity_type in self.target_types
        )


INHIBITIONS: Final = (
    Inhibition(_FEWER, "shop", _FEWER, frozenset({"channel"})),
    Inhibition(_FEWER, "shop", frozenset({"payment.callbacks_missing"}), frozenset({"payment_method"})),
    Inhibition(_FEWER, "shop", frozenset({"volume.surge"}), frozenset({"shop", "channel", "product", "seller"})),
    Inhibition(
        frozenset({"volume.surge"}),
        "shop",
        frozenset({"volume.surge"}),
        frozenset({"channel", "product", "seller"}),
    ),
)


def is_muted(target: Verdict, open_conditions: Iterable[tuple[str, str]]) -> bool:
    """Whether any open condition (kind, entity type) explains the target."""
    return any(rule.mutes(kind, entity_type, target) for kind, entity_type in open_conditions for rule in INHIBITIONS)
