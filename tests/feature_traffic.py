"""A simulated hour and a quarter, sent as a shop sends it, and what the archive makes of its scored rows."""

from __future__ import annotations

import asyncio
from functools import cache

from aiokafka import AIOKafkaProducer

import features
from stream.archive import Archive
from stream.archiver import Archiver, Landing
from stream.simulator import SimulatorSettings, simulate
from stream.simulator.incidents import make


@cache
def events():
    """A simulated hour and a quarter with wrong prices."""
    typo = make("price_typo", after_seconds=3_600.0)
    return tuple(simulate(SimulatorSettings(seed=6, duration_seconds=4_500, orders_per_second=0.3, incidents=(typo,))))


def send(settings, some):
    """Events by their own keys, as a shop sends them."""

    async def run():
        producer = AIOKafkaProducer(bootstrap_servers=settings.kafka.brokers, linger_ms=5)
        await producer.start()
        sent = [await producer.send(settings.kafka.orders_topic, event.value, event.key.encode()) for event in some]
        await asyncio.gather(*sent)
        await producer.stop()

    asyncio.run(run())


def archived(settings, folder):
    archiver = Archiver(settings, Archive(str(folder), settings.feature_log.topic), Landing(), until_caught_up=True)
    asyncio.run(asyncio.wait_for(archiver.run(), 120))
    return features.history("2000-01-01", "2100-01-01", path=folder, frame="arrow")
