"""The topic of slices, read: up to a takeover, and on from a checkpoint as it grows."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.errors import KafkaError

from config.sections import KafkaSettings
from stream.shuffle.ledger import Ledger
from stream.shuffle.message import read_message
from stream.shuffle.topic import MOST_MESSAGE_BYTES, name_of

log = logging.getLogger(__name__)

_WAIT_MS: Final = 200
_ANSWER_MS: Final = 20


class SlicesLog:
    """Reads the one partition of the topic, and deletes what is not needed any more.

    Parameters
    ----------
    kafka
        Where the broker is, and the group whose topic it is.
    security
        The TLS and SASL arguments of a client.
    """

    def __init__(self, kafka: KafkaSettings, security: Mapping[str, Any]) -> None:
        """Connect when first used."""
        self.partition = TopicPartition(name_of(kafka), 0)
        self._client = {"bootstrap_servers": kafka.brokers, "client_id": "orderwatch-slices", **security}
        self._can_delete = True

    @asynccontextmanager
    async def reader(self, begin: int) -> AsyncIterator[AIOKafkaConsumer]:
        """A consumer that reads on at an offset. Raises `KafkaError`."""
        consumer = AIOKafkaConsumer(
            auto_offset_reset="none",
            enable_auto_commit=False,
            max_partition_fetch_bytes=MOST_MESSAGE_BYTES,
            fetch_max_wait_ms=_ANSWER_MS,
            **self._client,
        )
        await consumer.start()
        await asyncio.sleep(0)  # one that is stopped before its tasks have begun looks like a cancelled one
        try:
            consumer.assign([self.partition])
            consumer.seek(self.partition, begin)
            yield consumer
        finally:
            await consumer.stop()

    async def fold(self, ledger: Ledger, begin: int, end: int) -> None:
        """Lead a ledger from one offset to another. Raises `KafkaError`, where the topic begins later too."""
        async with self.reader(begin) as consumer:
            position = begin
            while position < end:
                for records in (await consumer.getmany(timeout_ms=_WAIT_MS)).values():
                    for record in records:
                        if record.offset < end:
                            ledger.counts(read_message(record.value or b""))
                position = await consumer.position(self.partition)

    async def delete_before(self, offset: int) -> None:
        """Have Kafka forget what is before an offset; where it cannot, the topic's retention does."""
        if not self._can_delete or offset <= 0:
            return
        admin = AIOKafkaAdminClient(**self._client)
        try:
            await admin.start()
            await admin.delete_records({self.partition: RecordsToDelete(before_offset=offset)})
        except (KafkaError, OSError, ValueError) as error:
            self._can_delete = False
            log.warning("Kafka does not delete slices that are not needed (%s): its retention will", error)
        finally:
            await admin.close()
