"""A message that could not be used: its bytes unchanged, where it came from, and why it was refused."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """One refused record. `timestamp` is the record's, in ms since the epoch, -1 if unknown."""

    value: bytes | None
    key: bytes | None
    partition: int
    offset: int
    timestamp: int
    error_class: str
    error_message: str


def headers(letter: DeadLetter, topic: str) -> list[tuple[str, bytes]]:
    """The Kafka headers under which `letter`, read from `topic`, goes to the dead-letter topic.

    (topic, partition, offset) name the original for good: whoever reads a letter twice, since a worker died
    before it could commit, may keep one.

    >>> letter = DeadLetter(b"{", None, 3, 991, 1767261600000, "DecodeError", "truncated")
    >>> dict(headers(letter, "orders"))["original_offset"]
    b'991'
    """
    fields = {
        "original_topic": topic,
        "original_partition": letter.partition,
        "original_offset": letter.offset,
        "original_timestamp": letter.timestamp,
        "error_class": letter.error_class,
        "error_message": letter.error_message,
    }
    return [(name, str(value).encode()) for name, value in fields.items()]
