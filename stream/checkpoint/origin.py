"""Whether the orders that a saved state has read are still those of the topic.

A topic that was deleted and made again counts its offsets from nought: a state that goes on "where it ended" would
leave out what is there, or take a stranger's orders for its own. It is known by its end, which lies before the state's,
or by the last record that the state has read, which was written after the state was.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from config.sections import KafkaSettings
from stream.checkpoint.schema import StateRefused

log = logging.getLogger(__name__)

_ANSWER_MS: Final = 20
_KNOB: Final = "start once with `orderwatch worker --forget-state` to learn anew"
_CLOCKS_MS: Final = 300_000  # by which the clock of a sender may be ahead of ours


class Origin:
    """The orders topic, asked about offsets.

    Parameters
    ----------
    kafka
        Names the topic.
    client
        Address and security arguments of a Kafka client.
    """

    def __init__(self, kafka: KafkaSettings, client: Mapping[str, Any]) -> None:
        """Connects when asked."""
        self._topic, self._client = kafka.orders_topic, dict(client)

    async def check(self, offsets: Mapping[int, int], saved_ms: int) -> None:
        """Refuse a state that has read up to `offsets` of another topic of this name. Raises `StateRefused`.

        `saved_ms` : when it was saved, by Kafka. A partition that has forgotten by age what was never read is a line in
        the log. Raises `KafkaError`.
        """
        consumer = AIOKafkaConsumer(
            auto_offset_reset="none", enable_auto_commit=False, fetch_max_wait_ms=_ANSWER_MS, **self._client
        )
        await consumer.start()
        try:
            for number, offset in offsets.items():
                if offset:
                    await self._check(consumer, TopicPartition(self._topic, number), offset, saved_ms)
        finally:
            await consumer.stop()

    async def _check(self, consumer: AIOKafkaConsumer, tp: TopicPartition, offset: int, saved_ms: int) -> None:
        begin = (await consumer.beginning_offsets([tp]))[tp]
        if begin > offset:
            lost = "%s, partition %d: offsets %d to %d are gone by the topic's retention and were never judged"
            log.error(lost, self._topic, tp.partition, offset, begin - 1)
        if begin >= offset:
            return
        end, time_ms = await _last_read(consumer, tp, offset)
        if end < offset:
            why = f"partition {tp.partition} ends at offset {end}, and the saved state has read up to {offset}"
        elif time_ms > saved_ms + _CLOCKS_MS:
            why = f"offset {offset - 1} of partition {tp.partition} was written after the saved state that has read it"
        else:
            return
        raise StateRefused(f"topic {self._topic} is not the one that was watched: {why}: {_KNOB}")


async def _last_read(consumer: AIOKafkaConsumer, tp: TopicPartition, offset: int) -> tuple[int, int]:
    """The partition's end as far as it matters, and the timestamp of the record before `offset`, -1 if it has none."""
    consumer.assign([tp])  # forgets the end that was told before
    consumer.seek(tp, offset - 1)
    try:
        while consumer.highwater(tp) is None:
            for records in (await consumer.getmany(tp, timeout_ms=_ANSWER_MS, max_records=1)).values():
                return offset, records[0].timestamp if records[0].offset == offset - 1 else -1
    except OffsetOutOfRangeError:
        return (await consumer.end_offsets([tp]))[tp], -1
    return int(consumer.highwater(tp)), -1
