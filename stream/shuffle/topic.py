"""The topic of slices: its name, and how Kafka keeps it."""

from __future__ import annotations

from typing import Final

from config.sections import KafkaSettings

MOST_MESSAGE_BYTES: Final = 16 << 20
CONFIG: Final = {
    "cleanup.policy": "delete",
    "max.message.bytes": str(MOST_MESSAGE_BYTES),
    # what stage two has safe is deleted by it; this bounds what a broker that cannot do that keeps, and how long
    # no worker may run
    "retention.ms": str(7 * 24 * 3600 * 1000),
    "segment.bytes": str(64 << 20),
}


def name_of(kafka: KafkaSettings) -> str:
    """The topic through which a group's workers share one log; it has one partition."""
    return f"{kafka.group}-slices"
