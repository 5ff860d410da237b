"""A worker that is killed at any moment, again and again: the alerts and the state of one that never was."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal

import numpy as np
import pytest
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from stream.checkpoint.changelog import Changelog
from stream.checkpoint.marker import Key
from stream.checkpoint.saver import Saver
from stream.checkpoint.schema import StateRefused
from stream.checkpoint.standby import Standby
from stream.engine.topics import TopicError, ensure_topics
from stream.engine.worker import run_worker
from stream.pipeline import Pipeline
from tests.parts.dying_worker import Life, started
from tests.parts.same_state import differences
from tests.parts.traffic import committed, delivered, read
from tests.small_shop import REGISTER, log, reference
from tests.small_shop_worker import QUICK, changed, elsewhere, fill, pipeline


@pytest.fixture
def settings(settings):
    """Small batches, a checkpoint after each few of them, and no clock of ours that closes anything."""
    return changed(
        settings, kafka=QUICK, time={"idle_source_seconds": 1000.0}, checkpoint={"on": True, "interval_seconds": 0.1}
    )


def saved(settings):
    """The last checkpoint of a group."""
    newest = asyncio.run(Changelog(settings.kafka, {}).read()).newest()
    assert newest is not None
    return newest


def assert_like_an_undisturbed_run(settings) -> None:
    told = [entry.data for entry in delivered(settings)]
    assert sorted(json.loads(data)["id"] for data in told) == sorted(json.loads(data)["id"] for data in reference())
    published = {record.value for record in read(settings, settings.kafka.alerts_topic, len(told))}
    assert published == set(told)
    calm = elsewhere(settings, "calm")
    run_worker(calm, pipeline(calm), until_caught_up=True)
    assert sorted(entry.data for entry in delivered(calm)) == sorted(told)
    mine, undisturbed = saved(settings), saved(calm)
    assert mine.offsets == undisturbed.offsets == {number: len(part) for number, part in enumerate(log())}
    assert differences(mine.state, undisturbed.state) == []


DEATHS = {
    "embedded": (4, None),  # between the objects of the second checkpoint, and anywhere
    "real": (2, None, 4, 5),  # between the first markers, and between later ones
}


def test_killed_in_the_middle_of_checkpoints_and_of_batches(settings, parts):
    fill(settings)
    draw = random.Random(5)
    for dies_at in DEATHS[parts.kind]:
        with started(Life(settings, until_caught_up=True, dies_at=dies_at, pause_seconds=0.02)) as worker:
            if dies_at is None:
                for _ in range(draw.randint(5, 25)):
                    worker.stdout.readline()
                worker.kill()
            assert worker.wait(100) == -signal.SIGKILL
    assert sum(committed(settings).values()) < sum(map(len, log()))  # there is something left to do
    with started(Life(settings, until_caught_up=True)) as worker:
        assert worker.wait(100) == 0
    assert_like_an_undisturbed_run(settings)


class Stopped(Pipeline):
    """Asks its worker to stop after some batches, as an operator would."""

    left = 20

    def process(self, *args, **kwargs):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGTERM)
        return super().process(*args, **kwargs)


def test_a_worker_that_stops_hands_over_exactly_and_another_kind_of_state_is_refused(settings):
    fill(settings)
    rare = changed(settings, checkpoint={"interval_seconds": 1000.0})  # so that it is the stop that saves
    first = run_worker(rare, Stopped(rare, promotions=REGISTER))
    assert 0 < first.events < 2300
    assert committed(rare) == saved(rare).offsets
    second = run_worker(rare, pipeline(rare), until_caught_up=True)
    assert first.events + second.events == 2334
    assert_like_an_undisturbed_run(rare)

    other = changed(rare, time={"pane_seconds": 30})
    with pytest.raises(StateRefused, match=r"^the saved state has time \w+ and this worker \w+: .* --forget-state"):
        run_worker(other, pipeline(other), until_caught_up=True)
    assert run_worker(other, pipeline(other), until_caught_up=True, forget_state=True).events == 0


def test_a_broker_keeps_what_is_written_and_says_what_is_there(settings):
    asyncio.run(ensure_topics(settings, {}))

    async def run():
        changelog = Changelog(settings.kafka, {})
        assert (await changelog.read()).newest() is None
        objects = [(Key(str(number % 4), 5, 1, number), bytes([number]) * 70_000) for number in range(40)]
        assert await changelog.write(objects) == 40 * 70_000
        await changelog.write((key, None) for key, _ in objects[:39])
        shelf = await changelog.read()
        await changelog.stop()
        return shelf

    shelf = asyncio.run(run())
    assert (list(shelf.keys), shelf.epoch) == ([Key("3", 5, 1, 39)], 5)


def test_a_member_that_stands_by_follows_and_takes_over_what_was_written_a_moment_before(settings):
    asyncio.run(ensure_topics(settings, {}))

    async def run():
        changelog, saver = Changelog(settings.kafka, {}), Saver({"layout": "1"}, 1)
        idle, warm = [True], []
        standby = Standby(changelog, lambda: warm.append(standby.behind))
        following = asyncio.ensure_future(standby.run(lambda: idle[0]))
        array, rounds = np.arange(50_000), 6
        for number in range(rounds):
            array[number * 9_000] = -number
            await save(changelog, saver, {"across/c": array}, number)
            await asyncio.sleep(0.3 if number < rounds - 1 else 0)
        idle[0] = False
        mine = (await standby.take()).newest()
        fresh = (await changelog.read()).newest()
        assert warm == [None]  # once, before it said that it is ready
        assert standby.behind is None
        following.cancel()
        await changelog.stop()
        return mine, fresh

    mine, fresh = asyncio.run(run())
    assert mine.version == fresh.version == 6
    assert np.array_equal(mine.state["across/c"], fresh.state["across/c"])
    assert mine.state["across/c"][45_000] == -5


async def save(changelog: Changelog, saver: Saver, state, offset: int) -> None:
    checkpoint = saver.begin(state, {0: offset})
    await changelog.write(checkpoint.objects)
    await changelog.write(saver.markers(checkpoint))
    await changelog.write((key, None) for key in saver.end(checkpoint))


def test_an_orders_topic_that_was_made_anew_is_noticed_and_the_knob_is_named(settings):
    fill(settings)
    run_worker(settings, pipeline(settings), until_caught_up=True)
    before = saved(settings)
    asyncio.run(made_anew(settings))
    fill(settings, 20)
    known = rf"^topic {settings.kafka.orders_topic} is not the one that was watched: partition \d ends at offset 20, .*"
    with pytest.raises(StateRefused, match=known + "and the saved state has read up to .*--forget-state"):
        run_worker(settings, pipeline(settings), until_caught_up=True)
    assert saved(settings).offsets == before.offsets  # nothing was read, and nothing saved over it

    async def grown() -> None:
        origin = Changelog(settings.kafka, {}).origin
        await origin.check(dict.fromkeys(range(4), 20), before.time_ms)  # written within the clocks' difference
        with pytest.raises(StateRefused, match="offset 19 of partition 0 was written after the saved state"):
            await origin.check(dict.fromkeys(range(4), 20), before.time_ms - 600_000)

    asyncio.run(grown())
    assert run_worker(settings, pipeline(settings), until_caught_up=True, forget_state=True).events == 80


async def made_anew(settings) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka.brokers)
    await admin.start()
    topic = settings.kafka.orders_topic
    await admin.delete_topics([topic])
    while topic in await admin.list_topics():  # noqa: ASYNC110  # a broker has no event for it
        await asyncio.sleep(0.05)
    await admin.close()


def test_without_checkpoints_a_worker_makes_no_topic_for_them(settings):
    off = changed(settings, checkpoint={"on": False})
    fill(off, 20)
    assert run_worker(off, pipeline(off), until_caught_up=True).events == 80
    assert sum(committed(off).values()) == 80
    assert f"{off.kafka.group}-state-changelog" not in asyncio.run(topics(off))


async def topics(settings) -> list[str]:
    admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka.brokers)
    await admin.start()
    try:
        return await admin.list_topics()
    finally:
        await admin.close()


def test_a_topic_that_forgets_by_age_is_refused(settings, parts):
    name = f"{settings.kafka.group}-state-changelog"

    async def make() -> None:
        admin = AIOKafkaAdminClient(bootstrap_servers=settings.kafka.brokers)
        await admin.start()
        await admin.create_topics([NewTopic(name, settings.kafka.partitions, 1)])
        await admin.close()
        await ensure_topics(settings, {})

    if parts.kind == "embedded":
        asyncio.run(make())  # it does not say how it keeps a topic, and is believed
    else:
        with pytest.raises(TopicError, match=rf"^topic {name} has cleanup.policy=delete .* checkpoint.on: false$"):
            asyncio.run(make())
