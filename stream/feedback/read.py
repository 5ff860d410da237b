"""All that analysts have said, read from its topic."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from stream.feedback.event import Feedback, read_feedback
from stream.whole_topic import read_whole

if TYPE_CHECKING:
    from config.settings import Settings


def feedback_of(settings: Settings) -> list[Feedback]:
    """Every verdict, in the order in which they came. Raises `TopicError` when Kafka does not answer."""
    messages = asyncio.run(read_whole(settings.kafka, settings.feedback.topic))
    said = [read_feedback(value) for _, value in messages]
    return [one for one in said if one is not None]
