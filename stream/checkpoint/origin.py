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
_TRIES: Final = 100
_GONE: Final = "%s, partition %d: offsets %d to %d are gone by the topic's retention and were never judged"
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
        asked = {TopicPartition(self._topic, number): offset for number, offset in offsets.items() if offset}
        if not asked:
            return
        if not any(offsets.values()):
            return  # nor would aiokafka bear to be stopped as soon as it was started: that looks like a cancelled task
        consumer = AIOKafkaConsumer(
            auto_offset_reset="none", enable_auto_commit=False, fetch_max_wait_ms=_ANSWER_MS, **self._client
        )
        await consumer.start()
        try:
            begins = await consumer.beginning_offsets(list(asked))
            for tp in (tp for tp, offset in asked.items() if begins[tp] > offset):
                log.error(_GONE, self._topic, tp.partition, asked[tp], begins[tp] - 1)
            held = {tp: offset for tp, offset in asked.items() if begins[tp] < offset}
            last = await _last_read(consumer, held)
        finally:
            await consumer.stop()
        for tp, offset in held.items():
            self._compare(tp.partition, offset, *last[tp], saved_ms)

    def _compare(self, number: int, offset: int, end: int, time_ms: int, saved_ms: int) -> None:
        if end < offset:
            why = f"partition {number} ends at offset {end}, and the saved state has read up to {offset}"
        elif time_ms > saved_ms + _CLOCKS_MS:
            why = f"offset {offset - 1} of partition {number} was written after the saved state that has read it"
        else:
            return
        raise StateRefused(f"topic {self._topic} is not the one that was watched: {why}: {_KNOB}")


async def _last_read(
    consumer: AIOKafkaConsumer, asked: Mapping[TopicPartition, int]
) -> dict[TopicPartition, tuple[int, int]]:
    """Of each partition its end, or the offset asked about, and the timestamp of the record before that; -1: none."""
    found: dict[TopicPartition, tuple[int, int]] = {}
    consumer.assign(list(asked))
    for tp, offset in asked.items():
        consumer.seek(tp, offset - 1)
    for _ in range(_TRIES):
        left = [tp for tp in asked if tp not in found]
        if not left:
            break
        try:
            fetched = await consumer.getmany(*left, timeout_ms=_ANSWER_MS)
        except OffsetOutOfRangeError as error:
            ends = await consumer.end_offsets(list(error.args[0]))
            found |= {tp: (end, -1) for tp, end in ends.items()}
            continue
        for tp, records in fetched.items():
            found[tp] = asked[tp], records[0].timestamp if records[0].offset == asked[tp] - 1 else -1
        for tp in left:
            if tp not in found and (end := consumer.highwater(tp)) is not None and end < asked[tp]:
                found[tp] = end, -1
    return {tp: (offset, -1) for tp, offset in asked.items()} | found  # a mark of a transaction is never handed over
