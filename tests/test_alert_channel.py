"""Alerts in Redis: each id once, in order, and kept; against servers of each kind."""

from __future__ import annotations

import asyncio

import pytest
import redis.asyncio

from stream.alert import Alert
from stream.alert_channel import AlertChannel


@pytest.fixture
def settings(settings):
    return settings.redis


@pytest.fixture
async def channel(settings):
    channel = AlertChannel(settings)
    yield channel
    await channel.close()


@pytest.fixture
async def client(services):
    async with redis.asyncio.Redis.from_url(services.redis_url) as client:
        yield client


def alert(number: int) -> Alert:
    data = b'{"id":"alert-%d","summary":"\xe4\xbb\xb7\xe6\xa0\xbc"}' % number
    return Alert(f"alert-{number}", "price.low", "high", "firing", "fp", 1_767_261_600_000 + number, data)


async def test_an_alert_is_kept_with_its_fields_and_its_bytes(channel):
    assert await channel.publish([alert(1)]) == 1
    [kept] = await channel.recent(10)
    assert (kept.id, kept.kind, kept.severity, kept.status) == ("alert-1", "price.low", "high", "firing")
    assert kept.data == alert(1).data


async def test_the_same_id_twice_gives_one_entry(channel):
    assert await channel.publish([alert(1), alert(2), alert(1)]) == 2
    assert await channel.publish([alert(2), alert(3)]) == 1
    assert [kept.id for kept in await channel.recent(10)] == ["alert-1", "alert-2", "alert-3"]


async def test_order_is_kept_across_the_calls_that_a_long_list_is_cut_into(channel):
    alerts = [alert(number) for number in range(250)]
    assert await channel.publish(alerts) == 250
    assert [kept.id for kept in await channel.recent(1000)] == [each.id for each in alerts]
    assert [kept.id for kept in await channel.recent(2)] == ["alert-248", "alert-249"]


async def test_what_a_stranger_wrote_into_the_stream_is_passed_over(channel, client, settings):
    await client.xadd(settings.stream, {"id": "x", "data": b"\xff"})
    await channel.publish([alert(1)])
    await client.xadd(settings.stream, {"kind": b"\xff", "id": "y", "severity": "", "status": "", "data": ""})
    assert [kept.id for kept in await channel.recent(10)] == ["alert-1"]
    following = channel.follow("0")
    assert (await anext(following)).id == "alert-1"
    await channel.publish([alert(2)])
    assert (await anext(following)).id == "alert-2"
    await following.aclose()


async def test_no_alerts_is_nothing_to_do(channel):
    assert await channel.publish([]) == 0
    assert await channel.size() == 0


async def test_two_workers_that_publish_the_same_alerts_at_once_deliver_each_once(settings, channel):
    other = AlertChannel(settings)
    alerts = [alert(number) for number in range(150)]
    claimed = await asyncio.gather(*(each.publish(alerts) for each in (channel, other, channel, other)))
    await other.close()
    assert sum(claimed) == 150
    assert await channel.size() == 150


async def test_a_server_that_forgot_the_script_is_given_it_again(channel, client):
    await channel.publish([alert(1)])
    await client.script_flush()
    assert await channel.publish([alert(1), alert(2)]) == 1


async def test_a_failed_append_claims_nothing(settings, channel, client):
    await client.set(settings.stream, "in the way")
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        await channel.publish([alert(1)])
    await client.delete(settings.stream)
    assert await channel.publish([alert(1)]) == 1


async def test_a_claim_lives_in_the_slot_of_the_stream_and_ends_after_its_time(settings, channel, client):
    await channel.publish([alert(1)])
    [claim] = await client.keys(f"*{settings.stream}*alert-1")
    assert claim.decode().startswith(f"{{{settings.stream}}}:")  # a cluster hashes what the braces hold
    assert settings.claim_ttl_seconds - 5 <= await client.ttl(claim) <= settings.claim_ttl_seconds


async def test_the_stream_is_trimmed_to_about_its_limit(settings, channel):
    small = AlertChannel(settings.model_copy(update={"stream_max_entries": 100}))
    await small.publish([alert(number) for number in range(1000)])
    await small.close()
    assert 100 <= await channel.size() < 300


async def test_the_live_channel_carries_each_new_alert_once(settings, channel, client):
    listener = client.pubsub()
    await listener.subscribe(settings.channel)
    await channel.publish([alert(1)])
    await channel.publish([alert(1), alert(2)])
    heard: list[bytes] = []
    async with asyncio.timeout(5):
        while len(heard) < 2:
            message = await listener.get_message(ignore_subscribe_messages=True, timeout=1)
            heard += [message["data"]] if message else []
    assert await listener.get_message(ignore_subscribe_messages=True, timeout=0.1) is None
    await listener.aclose()
    assert heard == [alert(1).data, alert(2).data]


async def test_following_starts_now_or_at_an_entry_and_misses_nothing_in_between(channel):
    await channel.publish([alert(1)])

    async def first(count: int, last_id: str) -> list[str]:
        ids: list[str] = []
        async for entry in channel.follow(last_id):
            ids.append(entry.id)
            if len(ids) == count:
                return ids
        return ids

    from_now = asyncio.create_task(first(3, "$"))
    await asyncio.sleep(0.1)
    for number in (2, 3, 4):
        await channel.publish([alert(number)])
    async with asyncio.timeout(5):
        assert await from_now == ["alert-2", "alert-3", "alert-4"]
        assert await first(4, "0") == ["alert-1", "alert-2", "alert-3", "alert-4"]


async def test_a_server_that_is_away_is_an_error_of_redis_within_seconds(settings):
    nobody = AlertChannel(settings.model_copy(update={"url": "redis://127.0.0.1:1/0"}))
    async with asyncio.timeout(5):
        with pytest.raises(redis.ConnectionError):
            await nobody.publish([alert(1)])
    await nobody.close()
