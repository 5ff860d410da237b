"""The dead-letter topic, read back: which messages were refused, why, and where they came from."""

from __future__ import annotations

import re
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from stream.topic_log import open_log, read_places

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping

    from config.settings import Settings

_KNOWN_MESSAGES: Final = 200_000  # a worker that died reads again what it had not committed, which is fewer
_PLACE: Final = re.compile(r"(\d{1,9}):(\d{1,18})")


class Place(NamedTuple):
    """Where a letter stands in the dead-letter topic; its name, in the form `partition:offset`.

    >>> str(Place.read("2:17"))
    '2:17'
    """

    partition: int
    offset: int

    @classmethod
    def read(cls, text: str) -> Place:
        """Raise ValueError, naming the text, if it is no place."""
        found = _PLACE.fullmatch(text)
        if found is None:
            raise ValueError(f"{text!r} is no place of a dead letter: write partition:offset, such as 2:17")
        return cls(int(found[1]), int(found[2]))

    def __str__(self) -> str:
        return f"{self.partition}:{self.offset}"


@dataclass(frozen=True, slots=True)
class Letter:
    """One message of the dead-letter topic. `headers` are as they stand there, later ones of a name winning.

    `time_ms` : when it was refused, in ms since the epoch, as Kafka recorded it.
    """

    place: Place
    time_ms: int
    key: bytes | None
    value: bytes | None
    headers: Mapping[str, bytes]

    def text(self, name: str) -> str:
        """A header as text, with whatever is not UTF-8 escaped; empty if it is not there."""
        return self.headers.get(name, b"").decode(errors="backslashreplace")

    @property
    def origin(self) -> tuple[str, int, int] | None:
        """Topic, partition and offset of the message that was refused; None if the headers do not say."""
        try:
            return self.text("original_topic"), int(self.text("original_partition")), int(self.text("original_offset"))
        except ValueError:
            return None

    @property
    def error_class(self) -> str:
        """Name of the error that refused it."""
        return self.text("error_class") or "unknown"

    @property
    def is_whole(self) -> bool:
        """Whether these are all bytes of the message: Kafka may have refused so long a letter."""
        return "shortened_from_bytes" not in self.headers


@dataclass(frozen=True, slots=True)
class Choice:
    """Which letters: those at `places` if any are named, of `errors` if any are named, not older than `since_ms`."""

    places: Collection[Place] = ()
    errors: Collection[str] = ()
    since_ms: int = 0

    def takes(self, letter: Letter) -> bool:
        """Whether `letter` is one of them."""
        return (not self.places or letter.place in self.places) and (
            not self.errors or letter.error_class in self.errors
        )


@dataclass(slots=True)
class Listing:
    """The latest letters of a choice, oldest first, and how many there are of each error.

    `repeated` : letters of messages that had one already, since a worker died before it could commit.
    """

    letters: deque[Letter]
    by_error: Counter[str] = field(default_factory=Counter)
    repeated: int = 0

    @property
    def total(self) -> int:
        """How many messages were refused."""
        return self.by_error.total()


async def list_letters(settings: Settings, choice: Choice, last: int) -> Listing:
    """Read the topic through and keep the `last` letters of the choice; a message counts once."""
    listing = Listing(deque(maxlen=last))
    async for letter, is_new in chosen_letters(settings, choice):
        if is_new:
            listing.by_error[letter.error_class] += 1
            listing.letters.append(letter)
        else:
            listing.repeated += 1
    return listing


async def chosen_letters(
    settings: Settings, choice: Choice, among: Mapping[Place, Letter] | None = None
) -> AsyncIterator[tuple[Letter, bool]]:
    """Each letter of the choice in the order of time, and whether it is the first of its message.

    `among` : letters that were found already; by default all that the topic holds.
    """
    known: dict[tuple[str, int, int], None] = {}
    async for letter in _all_letters(settings, choice.since_ms) if among is None else _given(among):
        if choice.takes(letter):
            origin = letter.origin
            yield letter, origin is None or origin not in known
            if origin is not None:
                known[origin] = None
                if len(known) > _KNOWN_MESSAGES:
                    del known[next(iter(known))]


async def find_letters(settings: Settings, places: Collection[Place]) -> dict[Place, Letter]:
    """The letters at these places; what is not there (any more) is left out."""
    records = await read_places(settings, settings.kafka.dlq_topic, sorted(places))
    return {letter.place: letter for letter in map(letter_of, records)}


async def _all_letters(settings: Settings, since_ms: int) -> AsyncIterator[Letter]:
    async with open_log(settings, settings.kafka.dlq_topic, since_ms) as log:
        async for record in log:
            yield letter_of(record)


async def _given(letters: Mapping[Place, Letter]) -> AsyncIterator[Letter]:
    for letter in sorted(letters.values(), key=lambda each: (each.time_ms, each.place)):
        yield letter


def letter_of(record: Any) -> Letter:
    """A record of the topic as a letter; aiokafka's `ConsumerRecord`."""
    headers = dict(record.headers)
    return Letter(Place(record.partition, record.offset), record.timestamp, record.key, record.value, headers)
