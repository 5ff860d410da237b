"""What is said of models over a compacted topic: that one has changed, to all workers; and how challengers do, by them.

Word of a change says no more than where to look. What serves is for the registry to say, and each worker asks its own:
so whoever can write to the topic can make workers look, and nothing else.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Final

import msgspec

from stream.shadow import ShadowReport
from stream.whole_topic import add, read_whole

if TYPE_CHECKING:
    from config.sections import KafkaSettings

MODEL: Final = b"model/"
SHADOW: Final = b"shadow/"


class Announcement(msgspec.Struct, frozen=True, forbid_unknown_fields=False):
    """A model of the registry, and how many changes of stage it has had; 0 where only a version was added."""

    name: str
    number: int = 0
    author: str = ""

    @property
    def key(self) -> bytes:
        """What it is kept under: of each model the last word counts."""
        return MODEL + self.name.encode()


def key_of(report: ShadowReport) -> bytes:
    """What a report is kept under: the last one of each life of each worker counts."""
    return SHADOW + f"{report.challenger}/{report.champion}/{report.detector}/{report.run}".encode()


def announce(kafka: KafkaSettings, announcement: Announcement) -> None:
    """Tell every worker. Raises `TopicError`, in one line, when Kafka does not take it."""
    asyncio.run(add(kafka, kafka.control_topic, announcement.key, msgspec.json.encode(announcement)))


def read_announcement(value: bytes | None) -> Announcement | None:
    """What was told; None for what is no announcement."""
    try:
        return msgspec.json.decode(value or b"", type=Announcement)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def reports(kafka: KafkaSettings) -> list[ShadowReport]:
    """What workers have told of challengers. Raises `TopicError`, in one line, when Kafka does not answer."""
    told = dict(asyncio.run(read_whole(kafka, kafka.control_topic)))
    found = [_read_report(value) for key, value in told.items() if key.startswith(SHADOW)]
    return [report for report in found if report is not None]


def _read_report(value: bytes) -> ShadowReport | None:
    try:
        return msgspec.json.decode(value, type=ShadowReport)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None
