"""Orders whose number was told before."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from features.batch import Batch
from models.finding import NOTHING, Findings, found
from models.rule import Rule


class AgainRule(Rule):
    """Orders placed whose column `created_again` has one `value`, by channel."""

    reads: ClassVar[tuple[str, ...]] = ("created_again",)
    entity_type = "channel"
    value: ClassVar[float]

    def check(self, batch: Batch) -> Findings:
        """Such orders; observed 2 of at most 1 under one number."""
        created = batch.created
        wrong = (batch.columns["created_again"].values == self.value).nonzero()[0]
        if not len(wrong):
            return NOTHING
        channels = [created.channel[i] for i in wrong.tolist()]
        return found(batch, created.at[wrong], channels, observed=np.full(len(wrong), 2.0), high=1)
