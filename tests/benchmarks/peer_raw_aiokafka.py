"""The limit: aiokafka's `getmany` and orjson, and nothing is done with the events."""

from __future__ import annotations

import asyncio

import orjson
from aiokafka import AIOKafkaConsumer

from tests.benchmarks.gauge import UnderTest, read_arguments

_POLL_MS = 50
_MAX_RECORDS = 5_000


async def consume(run: UnderTest) -> None:
    """Read and decode until the gauge has seen enough."""
    consumer = AIOKafkaConsumer(
        run.topic,
        bootstrap_servers=run.brokers,
        group_id=run.group,
        auto_offset_reset="earliest",
        session_timeout_ms=2_000,
        heartbeat_interval_ms=500,
    )
    await consumer.start()
    gauge = run.gauge()
    try:
        while not gauge.done:
            fetched = await consumer.getmany(timeout_ms=_POLL_MS, max_records=_MAX_RECORDS)
            for records in fetched.values():
                for record in records:
                    orjson.loads(record.value)
                gauge.count(len(records))
    finally:
        await consumer.stop()


if __name__ == "__main__":
    asyncio.run(consume(read_arguments()))
