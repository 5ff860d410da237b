"""What a worker that shares keeps safe when partitions are taken away while alerts cannot get out."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import ClassVar

import pytest
from aiokafka import AIOKafkaProducer

from stream.checkpoint.changelog import Changelog
from stream.checkpoint.schema import schema_of
from stream.checkpoint.units import MERGE
from stream.engine.topics import ensure_topics
from stream.shuffle.judge import SharedJudge
from stream.shuffle.keeper import Keeper
from stream.shuffle.merging import Merging
from stream.shuffle.slices_log import SlicesLog
from stream.shuffle.topic import name_of
from tests.small_shop import PARTITIONS, REGISTER, log
from tests.small_shop_worker import changed


@pytest.fixture
def settings(settings):
    return changed(settings, checkpoint={"on": True}, shuffle={"on": True})


class Flow:
    """One whose slices are all out at once."""

    judged = 0
    position: ClassVar = {}

    def start_at(self, position):
        self.position = dict(position)

    async def until_told(self, judged):
        pass


class Sharing:
    """A worker that shares with nobody, piece by piece; `publish` takes its alerts."""

    def __init__(self, settings, producer, publish):
        self.producer, self.topic = producer, name_of(settings.kafka)
        self.judge, self.changelog = SharedJudge(settings, REGISTER), Changelog(settings.kafka, {})
        slices = SlicesLog(settings.kafka, {})
        self.merging = Merging(self.judge.merge, slices, publish)
        parts = self.judge, self.merging, slices, self.send
        self.keeper = Keeper(*parts, Flow(), self.changelog, schema_of(settings), interval_seconds=1.0)

    async def send(self, value):
        return (await self.producer.send_and_wait(self.topic, value, partition=0)).offset

    async def judge_all(self, partitions=range(PARTITIONS)):
        for partition in partitions:
            is_last = partition == partitions[-1]
            outcome = self.judge.process(partition, log()[partition], wait=not is_last, more=False)
            for message in outcome.messages:
                await self.send(message)

    async def merge_state(self):
        return (await self.changelog.read()).newest(MERGE)


@asynccontextmanager
async def sharing(settings, publish):
    await ensure_topics(settings, {})
    producer = AIOKafkaProducer(bootstrap_servers=settings.kafka.brokers)
    await producer.start()
    one = Sharing(settings, producer, publish)
    merging = asyncio.create_task(one.merging.run())
    try:
        await one.keeper.load(dict.fromkeys(range(PARTITIONS), 0))
        await one.judge_all()
        yield one
    finally:
        merging.cancel()
        await producer.stop()
        await one.changelog.stop()


@pytest.mark.parametrize("is_let_go", [False, True])
async def test_what_nobody_heard_is_not_safe(settings, is_let_go):
    speaking, may_speak, safe = asyncio.Event(), asyncio.Event(), []

    async def publish(_alerts):
        speaking.set()
        await may_speak.wait()  # Redis is away

    async with sharing(settings, publish) as one:
        await asyncio.wait_for(speaking.wait(), 60)
        saving = asyncio.create_task(one.keeper.try_to_save(safe.append))
        assert not (await asyncio.wait({saving}, timeout=1.0))[0]  # it waits for the alerts
        if is_let_go:
            one.keeper.let_go()
        else:
            may_speak.set()
        await asyncio.wait_for(saving, 60)
        assert bool(safe) != is_let_go
        assert (await one.merge_state() is None) == is_let_go


async def test_a_checkpoint_that_was_overtaken_does_not_keep_the_next_one_waiting(settings):
    async def publish(_alerts):
        pass

    async with sharing(settings, publish) as one:
        write, safe = one.changelog.write, []

        async def taken_away_meanwhile(records):
            one.changelog.write = write
            one.keeper.let_go()
            return await write(records)

        one.changelog.write = taken_away_meanwhile
        await asyncio.wait_for(one.keeper.try_to_save(safe.append), 60)
        assert safe == []
        await one.keeper.load({1: 0})  # another has partition 0 now
        await one.judge_all([1])
        await asyncio.wait_for(one.keeper.try_to_save(safe.append), 60)
        assert list(safe[0]) == [1]
