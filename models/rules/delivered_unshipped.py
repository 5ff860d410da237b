"""Goods arrived that nobody handed over."""

from __future__ import annotations

from dataclasses import field
from typing import Final

import numpy as np
from pydantic.dataclasses import dataclass

from features.batch import ORDER_TIMES, Batch
from features.event import DELIVERED
from features.feature import STRICT
from models.examples import created, delivered, paid, shipped
from models.finding import NOTHING, Findings, found
from models.rule import Rule
from models.rules._place import names_of

_CREATED: Final = ORDER_TIMES.index("created")
_SHIPPED: Final = ORDER_TIMES.index("shipped")


@dataclass(config=STRICT)
class DeliveredUnshipped(Rule):
    """An order is reported as delivered, and no hand-over to a carrier was seen before.

    Either the hand-over's event was lost, or the delivery is another parcel's. Orders whose creation was not seen
    are left out: they may have been handed over before the log began. Observed is 1 of at most 0.

    Parameters
    ----------
    ignored
        Channels whose goods are not sent, such as a counter or a download.
    """

    kind = "logistics.delivered_without_shipped"
    entity_type = "channel"

    FIRES = (
        [created(), paid(), delivered()],
        [created(), delivered()],
    )
    QUIET = (
        [created(), paid(), shipped(), delivered()],
        [delivered()],
        [created(), shipped(), delivered(), delivered(at=90_000)],
    )

    ignored: list[str] = field(default_factory=list)

    def check(self, batch: Batch) -> Findings:
        """Deliveries of orders that were not handed over."""
        at = (batch.kind == DELIVERED).nonzero()[0]
        if not len(at):
            return NOTHING
        times = batch.life.at_ms[at]
        at = at[(times[:, _SHIPPED] == 0) & (times[:, _CREATED] > 0)]
        if not len(at):
            return NOTHING
        channels = names_of(self._spaces, "channel", batch.life.place[at])
        kept = [i for i, name in enumerate(channels) if name not in self.ignored]
        return found(batch, at[kept], [channels[i] for i in kept], observed=np.ones(len(kept)), high=0)
