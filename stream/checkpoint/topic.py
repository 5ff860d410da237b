"""The topic of the checkpoints: its name and how Kafka keeps it."""

from __future__ import annotations

from typing import Final

from config.sections import KafkaSettings

MOST_MESSAGE_BYTES: Final = 16 << 20
CONFIG: Final = {
    "cleanup.policy": "compact",
    "max.message.bytes": str(MOST_MESSAGE_BYTES),
    "min.cleanable.dirty.ratio": "0.3",  # at most so much of the log is read for nothing at a restart
    "segment.bytes": str(64 << 20),  # nor is the last segment ever compacted
    "segment.ms": "600000",
}


def name_of(kafka: KafkaSettings) -> str:
    """The changelog of a group's state, named as Faust names those of its tables."""
    return f"{kafka.group}-state-changelog"
