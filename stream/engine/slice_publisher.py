"""Publishes what stage one says: dead letters as ever, then slices to their topic, in the order of judging."""

from __future__ import annotations

from typing import TYPE_CHECKING

from stream.engine.publisher import Publisher, _Message
from stream.shuffle.judge import SharedOutcome
from stream.shuffle.topic import name_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from stream.engine.flow import Outcome


class SlicePublisher(Publisher):
    """A publisher whose outcomes may hold messages for the topic of slices."""

    async def publish(self, outcomes: Sequence[Outcome]) -> int:
        """Publish all in order, however long it takes; return the number of alerts new to Redis."""
        delivered = await super().publish(outcomes)
        said = [value for outcome in outcomes if isinstance(outcome, SharedOutcome) for value in outcome.messages]
        if said:
            topic = name_of(self._kafka)
            messages = [_Message(topic, None, value, []) for value in said]
            await self._until_done("Kafka", lambda: self._send(messages))
        return delivered
