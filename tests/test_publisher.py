"""What is published, in which order, and what happens to a message that Kafka refuses."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer

from stream.alert import Alert
from stream.dead_letter import DeadLetter
from stream.engine.app import create_app
from stream.engine.publisher import Publisher, PublishError
from stream.engine.topics import ensure_topics
from tests.parts.every_order import Judged

LIMIT = 200_000


class Nothing:
    clock_ms = 0

    def process(self, partition, records, *, wait, more):
        return Judged()

    def advance(self, now_ms):
        return Judged()

    def finish(self):
        return Judged()


@asynccontextmanager
async def publishing(settings, on_alert=None):
    """A publisher whose producer refuses messages longer than `LIMIT`, as a broker with a low limit does."""
    await ensure_topics(settings, {})
    app = create_app(settings, Nothing())
    app.conf.producer_max_request_size = LIMIT
    await app.producer.start()
    try:
        yield Publisher(app, app.alert_channel, settings, on_alert), app.alert_channel
    finally:
        await app.producer.stop()
        await app.alert_channel.close()


async def read(settings, topic, count):
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=settings.kafka.brokers, auto_offset_reset="earliest", fetch_max_wait_ms=20
    )
    await consumer.start()
    records = []
    async with asyncio.timeout(10):
        while len(records) < count:
            for batch in (await consumer.getmany(timeout_ms=100)).values():
                records += batch
    await consumer.stop()
    return records


def alert(number: int, fingerprint: str = "fp", data: bytes = b"{}") -> Alert:
    return Alert(f"alert-{number}", "price.low", "high", "firing", fingerprint, number, data)


def letter(value: bytes | None) -> DeadLetter:
    return DeadLetter(value, None, 3, 991, -1, "NotJson", "expected {")


async def test_the_transitions_of_a_condition_keep_their_order_in_kafka_and_in_redis(settings):
    told: list[str] = []
    outcomes = [
        Judged(alerts=[alert(start + number, f"fp-{number % 7}", b"%d" % (start + number)) for number in range(60)])
        for start in (0, 60, 120)
    ]
    async with publishing(settings, lambda each: told.append(each.id)) as (publisher, channel):
        assert await publisher.publish(outcomes) == 180
        assert await publisher.publish(outcomes[1:2]) == 0
        kept = [each.id for each in await channel.recent(1000)]
    assert kept == told[:180] == [f"alert-{number}" for number in range(180)]
    by_condition: dict[bytes, list[int]] = {}
    for record in await read(settings, settings.kafka.alerts_topic, 180):
        by_condition.setdefault(record.key, []).append(int(record.value))
    assert len(by_condition) == 7
    assert all(numbers[:20] == sorted(numbers[:20]) for numbers in by_condition.values())


async def test_a_letter_that_kafka_refuses_is_shortened_and_says_so_and_the_others_are_whole(settings):
    large = b"x" * (LIMIT + 1)
    outcome = Judged(dead_letters=[letter(b"before"), letter(large), letter(None), letter(b"after")])
    async with publishing(settings) as (publisher, _):
        assert await publisher.publish([outcome]) == 0
    records = await read(settings, settings.kafka.dlq_topic, 4)
    values = {record.value: dict(record.headers) for record in records}
    assert set(values) == {b"before", None, b"after", large[:65_536]}
    short = values[large[:65_536]]
    assert short["shortened_from_bytes"] == b"%d" % len(large)
    assert (short["original_partition"], short["original_offset"]) == (b"3", b"991")
    assert "shortened_from_bytes" not in values[b"before"]


async def test_an_alert_that_kafka_refuses_names_the_topic_and_its_setting(settings):
    async with publishing(settings) as (publisher, channel):
        with pytest.raises(PublishError, match=rf"max\.message\.bytes of topic {settings.kafka.alerts_topic}"):
            await publisher.publish([Judged(alerts=[alert(1, data=b"x" * (LIMIT + 1))])])
        assert await channel.size() == 0  # Kafka is the source of truth: Redis never runs ahead of it


async def test_nothing_to_publish_asks_nobody(settings):
    nowhere = settings.redis.model_copy(update={"url": "redis://127.0.0.1:1/0"})
    async with publishing(settings.model_copy(update={"redis": nowhere})) as (publisher, _):
        assert await publisher.publish([Judged(events=10)]) == 0
