"""A changelog read from its start to its end, and on from there as it grows."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any, Final, Self

from aiokafka import AIOKafkaConsumer, TopicPartition

from stream.checkpoint.shelf import Shelf

log = logging.getLogger(__name__)

_FETCH_BYTES: Final = 8 << 20
_ANSWER_MS: Final = 20
_READ_WAIT_MS: Final = 200


class Tail:
    """What a changelog holds, as far as it was read. To be entered: that connects.

    Parameters
    ----------
    partitions
        Those of the changelog.
    client
        Address and security arguments of a Kafka client.
    keeps_arrays
        Whether the state is put together more than once, see `Shelf`.
    """

    def __init__(
        self, partitions: Sequence[TopicPartition], client: Mapping[str, Any], *, keeps_arrays: bool = False
    ) -> None:
        """Nothing was read."""
        self._partitions, self._keeps_arrays = partitions, keeps_arrays
        self._positions = dict.fromkeys(partitions, 0)
        self._consumer = AIOKafkaConsumer(
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            max_partition_fetch_bytes=_FETCH_BYTES,
            fetch_max_wait_ms=_ANSWER_MS,
            **client,
        )
        self.shelf = Shelf(keeps_arrays=keeps_arrays)

    @property
    def behind(self) -> int | None:
        """Offsets that are not read yet, as the last answers tell; None before the first ones."""
        # the end that a fetch reports: some brokers list too early a one
        ends: list[int | None] = [self._consumer.highwater(each) for each in self._partitions]
        known = [end for end in ends if end is not None]
        return sum(known) - sum(self._positions.values()) if len(known) == len(ends) else None

    async def read_on(self, wait_ms: int = _READ_WAIT_MS) -> int:
        """Read what comes within `wait_ms`; how many records that was. Raises `KafkaError`."""
        fetched = await self._consumer.getmany(timeout_ms=wait_ms)
        positions = {each: await self._consumer.position(each) for each in self._partitions}
        if any(positions[each] < self._positions[each] for each in self._partitions):
            await self._begin_anew()
            return 0
        self._positions = positions
        for records in fetched.values():
            for record in records:
                self.shelf.put(record.key or b"", record.value, record.timestamp)
        return sum(map(len, fetched.values()))

    async def read_to_end(self) -> Shelf:
        """All that holds now, even if its writer died a moment ago. Raises `KafkaError`."""
        self._ask_afresh()
        while self.behind != 0:
            await self.read_on()
        return self.shelf

    def _ask_afresh(self) -> None:
        """Forget the ends that were told: an answer may have been under way while the last record was written."""
        self._consumer.assign(self._partitions)
        for partition, position in self._positions.items():
            if position:
                self._consumer.seek(partition, position)

    async def _begin_anew(self) -> None:
        """Someone has deleted the changelog and made it again: nothing that was in the old one holds."""
        log.warning("the state changelog was made anew; it is read from its start")
        self.shelf = Shelf(keeps_arrays=self._keeps_arrays)
        self._positions = dict.fromkeys(self._partitions, 0)
        await self._consumer.seek_to_beginning(*self._partitions)

    async def __aenter__(self) -> Self:
        await self._consumer.start()
        self._consumer.assign(self._partitions)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()
