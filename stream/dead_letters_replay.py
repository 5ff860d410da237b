"""Dead letters back to the orders topic: those that decode takes today, to the partition that they came from.

An order's events share a partition, so a letter goes back to its own with its own key. Sent twice it counts once:
the pipeline drops an event id that it knows (`decode.duplicate_window_events`).
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Self

from aiokafka import AIOKafkaProducer

from stream.engine.app import security
from stream.record import StoredRecord

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

    from config.settings import Settings
    from stream.dead_letters_topic import Letter

_AT_ONCE: Final = 100  # letters that are judged and sent together
_LARGEST_REQUEST_BYTES: Final = 64 << 20  # whether a message is too long is the broker's to say
_HEADER: Final = "replayed_from"


@dataclass(slots=True)
class Replayed:
    """What became of the letters: how many were (or would be) sent, and how many were not, by reason."""

    sent: int = 0
    kept: Counter[str] = field(default_factory=Counter)


async def replay_letters(
    letters: AsyncIterator[tuple[Letter, bool]], settings: Settings, *, dry_run: bool, refused_too: bool
) -> Replayed:
    """Send what can be judged now, wait until the broker has it all, and say what was done.

    A letter stays where it is: one that decode would refuse again, that is shortened, empty, or that came from
    another topic or partition than there is, is counted with its reason. `refused_too` sends also what would be
    refused again here, for workers of other settings. `dry_run` sends nothing.
    """
    done = Replayed()
    examined = _Examiner(settings, refused_too)
    async with _Sender(settings, dry_run) as send:
        chunk: list[Letter] = []
        async for letter, is_new in letters:
            if not is_new:
                done.kept["repeated"] += 1
                continue
            chunk.append(letter)
            if len(chunk) == _AT_ONCE:
                done.sent += await send.letters(examined.fit(chunk, done.kept))
                chunk = []
        done.sent += await send.letters(examined.fit(chunk, done.kept))
    return done


class _Examiner:
    """Says which letters are worth sending."""

    def __init__(self, settings: Settings, refused_too: bool) -> None:
        self._settings, self._refused_too = settings, refused_too

    def fit(self, letters: Sequence[Letter], kept: Counter[str]) -> list[Letter]:
        """Those that are; count the others in `kept`, by reason."""
        whole = []
        for letter in letters:
            reason = self._unfit(letter)
            if reason:
                kept[reason] += 1
            else:
                whole.append(letter)
        if self._refused_too or not whole:
            return whole
        refused = self._refused(whole)
        kept.update(["refused again"] * len(refused))
        return [letter for number, letter in enumerate(whole) if number not in refused]

    def _unfit(self, letter: Letter) -> str:
        kafka, origin = self._settings.kafka, letter.origin
        if origin is None or origin[0] != kafka.orders_topic or not 0 <= origin[1] < kafka.partitions:
            return "from elsewhere"
        if not letter.is_whole:
            return "shortened"
        return "" if letter.value else "empty"

    def _refused(self, letters: Sequence[Letter]) -> set[int]:
        """Numbers of the letters that decode would refuse if they arrived now."""
        from stream.decode import Decoder

        records = [StoredRecord(letter.value, letter.key, number) for number, letter in enumerate(letters)]
        return {dead.offset for dead in Decoder(0, self._settings.decode).decode(records).dead_letters}


class _Sender:
    """Sends letters to the orders topic, in order; entering the block connects."""

    def __init__(self, settings: Settings, dry_run: bool) -> None:
        self._kafka = settings.kafka
        self._producer: AIOKafkaProducer | None = None
        self._dry_run = dry_run

    async def __aenter__(self) -> Self:
        if not self._dry_run:
            self._producer = AIOKafkaProducer(
                bootstrap_servers=self._kafka.brokers,
                max_request_size=_LARGEST_REQUEST_BYTES,
                **security(self._kafka),
            )
            try:
                await self._producer.start()
            except BaseException:
                await self._producer.stop()
                raise
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._producer is not None:
            await self._producer.stop()

    async def letters(self, letters: Sequence[Letter]) -> int:
        """Send them and wait for the broker; return how many there are."""
        if self._producer is not None:
            sent = [await self._producer.send(*self._message(letter)) for letter in letters]
            await asyncio.gather(*sent)
        return len(letters)

    def _message(self, letter: Letter) -> tuple[str, bytes | None, bytes | None, int, None, list[tuple[str, bytes]]]:
        assert letter.origin is not None, "others were left out"
        source = f"{self._kafka.dlq_topic}:{letter.place}".encode()
        return self._kafka.orders_topic, letter.value, letter.key, letter.origin[1], None, [(_HEADER, source)]
