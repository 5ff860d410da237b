"""Stage two at work: reads slices as they come, and publishes what follows of them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import KafkaError

from stream.alert import Alert
from stream.shuffle.merge import Merge
from stream.shuffle.slices_log import SlicesLog

log = logging.getLogger(__name__)

_WAIT_MS: Final = 200
_MOST_MESSAGES: Final = 64
_LOOK_SECONDS: Final = 0.02
_RETRY_SECONDS: Final = 1.0


class Merging:
    """Runs stage two while this worker has partition 0 of the orders.

    Parameters
    ----------
    merge
        Stage two.
    slices
        Where it reads.
    publish
        Publishes alerts in their order, however long that takes.
    """

    def __init__(self, merge: Merge, slices: SlicesLog, publish: Callable[[Sequence[Alert]], Awaitable[None]]) -> None:
        """Stand still."""
        self._merge, self._slices, self._publish = merge, slices, publish
        self._begun = 0
        self._told = 0
        self._told_more = asyncio.Event()
        self.is_on = False
        self.has_read_all = False

    @property
    def position(self) -> int:
        """The offset after the last message that was merged."""
        return self._merge.position

    @property
    def mark(self) -> tuple[int, int]:
        """How far it has come, and in which of its runs: the second changes with each start and stop."""
        return self.position, self._begun

    def start(self) -> None:
        """Read on from where the state ends."""
        self._begun += 1
        self._told = self._merge.position
        self.is_on, self.has_read_all = True, False

    def stop(self) -> None:
        """Read no more: partition 0 is another's, or about to be taken over anew."""
        self._begun += 1
        self.is_on = False
        self._told_more.set()

    async def run(self) -> None:
        """Merge for ever, while it is on. Kafka being away is a line in the log, and tried again."""
        while True:
            if not self.is_on:
                await asyncio.sleep(_LOOK_SECONDS)
                continue
            try:
                await self._follow(self._begun)
            except (KafkaError, OSError) as error:
                log.warning("slices cannot be read (%s); trying again", error)
                await asyncio.sleep(_RETRY_SECONDS)

    async def until_told(self, mark: tuple[int, int]) -> bool:
        """Wait until all is out that led to a `mark`; false if it was stopped since then."""
        position, begun = mark
        while self._told < position and begun == self._begun:
            self._told_more.clear()
            await self._told_more.wait()
        return begun == self._begun

    async def drain(self, seconds: float) -> None:
        """Wait until all that stands in the topic by now is merged and out, at most so long."""
        self.has_read_all = False
        try:
            async with asyncio.timeout(seconds):
                while self.is_on and not (self.has_read_all and self._told == self.position):
                    self._told_more.clear()
                    await self._told_more.wait()
        except TimeoutError:
            log.warning("slices were not merged within %g s and will be read again", seconds)

    async def _follow(self, begun: int) -> None:
        async with self._slices.reader(self._merge.position) as consumer:
            while begun == self._begun:
                await self._read(consumer, begun)

    async def _read(self, consumer: AIOKafkaConsumer, begun: int) -> None:
        asked = self.has_read_all
        fetched = await consumer.getmany(timeout_ms=_WAIT_MS, max_records=_MOST_MESSAGES)
        for records in fetched.values():
            for record in records:
                if begun != self._begun:
                    return
                if alerts := self._merge.take(record.offset, record.value or b""):
                    await self._publish(alerts)
                self._tell(begun)
                await asyncio.sleep(0)  # orders are judged in between
        if begun == self._begun:
            self.has_read_all = asked or not fetched
        self._tell(begun)

    def _tell(self, begun: int) -> None:
        """Say that all is out that was merged, unless somebody else has merged on since."""
        if begun == self._begun:
            self._told = self.position
            self._told_more.set()
