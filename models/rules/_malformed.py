"""Text of an order that does not look like what it should be."""

from __future__ import annotations

from typing import ClassVar, Literal

from features.batch import MALFORMED, Batch
from models.finding import NOTHING, Findings, found
from models.rule import Rule


class MalformedText(Rule):
    """Orders whose `form` column says "malformed", one finding each; the text itself is nowhere kept."""

    entity_type = "channel"
    form: ClassVar[Literal["address_form", "phone_form"]]

    def check(self, batch: Batch) -> Findings:
        """Orders placed with such text; observed 1 of at most 0."""
        created = batch.created
        wrong = (getattr(created, self.form) == MALFORMED).nonzero()[0]
        if not len(wrong):
            return NOTHING
        channels = [created.channel[i] for i in wrong.tolist()]
        return found(batch, created.at[wrong], channels, observed=wrong * 0 + 1, high=0)
