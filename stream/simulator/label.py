"""What an incident touched: the truth that alerts are scored against."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Label:
    """One injected incident as it shows in the events.

    `kinds` are the alerts that catch it; their families count, and those of `also` are its honest
    consequences. From `starts_at_ms` to `ends_at_ms` it shows. `order_ids` are the orders it touched, in the
    order in which that showed (`shows_ms`); none where the absence of orders is the sign. `loss_minor` is
    what it cost, where that can be said.
    """

    incident: str
    kinds: tuple[str, ...]
    also: tuple[str, ...]
    entity: str
    starts_at_ms: int
    ends_at_ms: int
    order_ids: tuple[str, ...] = ()
    shows_ms: tuple[int, ...] = ()
    loss_minor: int = 0

    @property
    def families(self) -> frozenset[str]:
        """Families whose alerts catch it.

        >>> sorted(Label("x", ("price.jump", "price.floor"), (), "sku/1", 0, 1).families)
        ['price']
        """
        return frozenset(kind.partition(".")[0] for kind in self.kinds)
