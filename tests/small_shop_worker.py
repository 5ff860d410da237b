"""The small shop's log on a broker, and settings of workers that read it in small steps."""

from __future__ import annotations

import asyncio

from aiokafka import AIOKafkaProducer

from stream.engine.topics import ensure_topics
from stream.pipeline import Pipeline
from tests.parts.traffic import run_in_thread
from tests.small_shop import REGISTER, log

# half a session is what the embedded broker takes to form a group of one
QUICK = {
    "session_timeout_seconds": 4.0,
    "rebalance_timeout_seconds": 8.0,
    "commit_interval_seconds": 0.1,
    "max_poll_records": 25,
}


def changed(settings, **sections):
    update = {name: getattr(settings, name).model_copy(update=values) for name, values in sections.items()}
    return settings.model_copy(update=update)


def elsewhere(settings, name: str):
    """The same orders, read by another group that tells others."""
    kafka = {"group": f"{settings.kafka.group}-{name}", "alerts_topic": f"{settings.kafka.alerts_topic}-{name}"}
    return changed(settings, kafka=kafka, redis={"stream": f"{settings.redis.stream}-{name}"})


def fill(settings, end: int | None = None, start: int = 0) -> None:
    """Send the small shop's log, each record to its partition."""

    async def run() -> None:
        await ensure_topics(settings, {})
        producer = AIOKafkaProducer(bootstrap_servers=settings.kafka.brokers)
        await producer.start()
        topic = settings.kafka.orders_topic
        sent = [
            await producer.send(topic, record.value, record.key, partition)
            for partition, records in enumerate(log())
            for record in records[start:end]
        ]
        await asyncio.gather(*sent)
        await producer.stop()

    run_in_thread(asyncio.run, run())


def pipeline(settings) -> Pipeline:
    return Pipeline(settings, promotions=REGISTER)
