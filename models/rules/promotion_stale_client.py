"""A promotion reached by a client that should not see it."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic.dataclasses import dataclass

from features.feature import STRICT
from models.examples import created
from models.finding import NOTHING, Findings
from models.rule import Rule
from models.rules._hits import Hits

if TYPE_CHECKING:
    from config.promotions import PromotionRegister
    from features.batch import Batch
    from features.keys import Keys

_OFF = [{"promotion_id": "P1", "amount": "5.00"}]


@dataclass(config=STRICT)
class PromotionStaleClient(Rule):
    """An order uses a promotion from a client older than the register's `client_version_min`.

    Versions are compared number by number, so 8.10 is newer than 8.4. A client that names no version, or one
    without a number, is not judged. Observed is 1 use of 0 allowed; the loss is the discount, in minor units.
    """

    kind = "promotion.stale_client"
    entity_type = "promotion"
    PROMOTIONS: ClassVar[Mapping[str, Any]] = {
        "promotions": [{"promotion_id": "P1", "client_version_min": "8.4"}, {"promotion_id": "P2"}]
    }

    FIRES = (
        [created(client_version="8.3.9", discounts=_OFF)],
        [created(client_version="v7 (build 12)", discounts=_OFF)],
    )
    QUIET = (
        [created(client_version="8.3")],
        [created(client_version="8.4.0", discounts=_OFF)],
        [created(client_version="8.10", discounts=_OFF)],
        [created(client_version=None, discounts=_OFF)],
        [created(client_version="beta", discounts=_OFF)],
        [created(client_version="8.3", discounts=[{"promotion_id": "P2", "amount": "5.00"}])],
    )

    def bind(self, promotions: PromotionRegister, spaces: Mapping[str, Keys]) -> None:
        """Take the promotions that ask for a version out of the register."""
        super().bind(promotions, spaces)
        known = promotions.promotions
        limited = {name: known[name] for name in known if known[name].client_version_min is not None}
        self._limited = limited.keys()
        # shops have few versions at a time; a flood of made-up ones stays bounded
        self._is_too_old = lru_cache(maxsize=4096)(lambda name, version: limited[name].is_too_old(version))

    def check(self, batch: Batch) -> Findings:
        """Orders placed by such a client."""
        discounts, created_ = batch.discounts, batch.created
        if not self._limited or self._limited.isdisjoint(discounts.promotion.distinct()):
            return NOTHING
        promotion, names = discounts.promotion.coded()
        version, versions = created_.client_version.coded()
        too_old = np.array([[name in self._limited and self._is_too_old(name, v) for v in versions] for name in names])
        hits = Hits()
        for row in too_old[promotion, version[discounts.order]].nonzero()[0].tolist():
            at = int(created_.at[discounts.order[row]])
            hits.add(at, names[promotion[row]], 1, high=0, loss_minor=int(discounts.amount_minor[row]))
        return hits.findings(batch)
