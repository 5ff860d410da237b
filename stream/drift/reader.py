"""The consumer behind `orderwatch drift`: reads the feature log, compares, and delivers alerts before it commits."""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from stream.drift.watch import last_ms
from stream.engine.app import security
from stream.feature_log import read_block

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from config.settings import Settings
    from stream.alert import Alert
    from stream.alert_channel import AlertChannel
    from stream.drift.alerts import DriftAlerts
    from stream.drift.watch import DriftWatch

log = logging.getLogger(__name__)

_POLL_MS: Final = 500


@dataclass(slots=True)
class DriftReader:
    """Reads until it is told to stop, or, `until_caught_up`, until all that the topic holds was looked at."""

    settings: Settings
    watch: DriftWatch
    alerts: DriftAlerts
    channel: AlertChannel
    on_alert: Callable[[Alert], None] = lambda _: None
    until_caught_up: bool = False
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    rows: int = 0

    async def run(self) -> int:
        """Look, and return how many rows were read. Raises KafkaError, RedisError."""
        kafka = self.settings.kafka
        arguments = {"bootstrap_servers": kafka.brokers, **security(kafka)}
        consumer = AIOKafkaConsumer(
            self.settings.feature_log.topic,
            group_id=f"{kafka.group}.drift",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=int(kafka.session_timeout_seconds * 1000),
            heartbeat_interval_ms=int(kafka.heartbeat_interval_seconds * 1000),
            **arguments,
        )
        producer = AIOKafkaProducer(acks="all", **arguments)
        await consumer.start()
        try:
            await producer.start()
            await self._read(consumer, producer)
        finally:
            await consumer.stop()
            await producer.stop()
        return self.rows

    async def _read(self, consumer: AIOKafkaConsumer, producer: AIOKafkaProducer) -> None:
        while not self.stop.is_set():
            fetched = await consumer.getmany(timeout_ms=_POLL_MS)
            records = sorted((one for some in fetched.values() for one in some), key=lambda one: one.timestamp)
            told = [alert for record in records for alert in self._look(record.value or b"")]
            if told:
                await self._deliver(told, producer)
            if fetched:
                await consumer.commit()
            elif self.until_caught_up and await _is_at_end(consumer):
                return

    def _look(self, block: bytes) -> list[Alert]:
        import pyarrow as pa

        try:
            rows = read_block(block)
        except (pa.ArrowInvalid, OSError) as error:
            log.warning("a message of %d bytes is no block of feature rows and is left out: %s", len(block), error)
            return []
        self.rows += rows.num_rows
        return list(self.alerts.told(list(self.watch.take(rows)), last_ms(rows)))

    async def _deliver(self, alerts: Sequence[Alert], producer: AIOKafkaProducer) -> None:
        """To Kafka first, as a worker does; ids are the same if it has to be done again."""
        topic = self.settings.kafka.alerts_topic
        sent: list[Any] = [await producer.send(topic, alert.data, alert.fingerprint.encode()) for alert in alerts]
        await asyncio.gather(*sent)
        await self.channel.publish(alerts)
        for alert in alerts:
            self.on_alert(alert)


async def _is_at_end(consumer: AIOKafkaConsumer) -> bool:
    assigned = list(consumer.assignment())
    ends = await consumer.end_offsets(assigned)
    return bool(assigned) and all([await consumer.position(tp) >= ends[tp] for tp in assigned])
