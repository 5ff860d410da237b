"""Live drift: what the feature log shows to have moved is told once, with a picture, and said to be over."""

from __future__ import annotations

import asyncio
import json
import sys
from uuid import uuid4

import jsonschema
import msgspec
import numpy as np
import pyarrow as pa
import pytest
from aiokafka import AIOKafkaProducer

from config.policy import Policy
from config.settings import load
from stream.alert_channel import AlertChannel
from stream.cli import main
from stream.drift.alerts import KIND, DriftAlerts
from stream.drift.reader import DriftReader
from stream.drift.watch import ABNORMAL, DriftWatch, last_ms
from stream.engine.topics import ensure_topics
from stream.feature_log import read_block
from stream.pipeline import Pipeline
from stream.replay import batches
from stream.schema import FOLDER
from stream.simulator import SimulatorSettings, simulate
from stream.simulator.incidents import make
from tests.parts.traffic import delivered, read

MINUTE_MS = 60_000
NOON_MS = 1_767_268_800_000


def settings_with(**drift):
    return load(drift={"reference_rows": 600, "window_rows": 300, **drift})


def rows(n=300, *, shift=0.0, missing=0.0, abnormal=0.0, seed=1, at=0, versions="{}"):
    draw = np.random.default_rng(seed)
    margin = draw.normal(0.3 + shift, 0.1, n)
    margin[draw.random(n) < missing] = np.nan
    verdict = np.where(draw.random(n) < abnormal, 0.999, np.nan)
    times = pa.array(NOON_MS + at * MINUTE_MS + np.arange(n), pa.int64()).cast(pa.timestamp("ms", "UTC"))
    columns = {"time": times, "margin": margin, "basket_size": draw.normal(size=n), "raw.trees": draw.random(n)}
    columns |= {"score.trees": np.full(n, np.nan), "verdict_score": verdict, "hour_of_week": np.arange(n, dtype=float)}
    return pa.table(columns | {"versions": [versions] * n})


def moved(watch, *tables):
    return [one.drift.column for table in tables for one in watch.take(table)]


def usual(watch, count=2):
    return moved(watch, *(rows(seed=10 + n) for n in range(count)))


def test_what_stays_as_it_was_is_not_told():
    watch = DriftWatch(settings_with().drift)
    assert moved(watch, *(rows(seed=seed) for seed in range(30))) == []


def test_a_column_that_moves_is_seen_in_each_window_until_it_is_back():
    watch = DriftWatch(settings_with().drift)
    assert usual(watch) == []
    assert moved(watch, rows(shift=0.2), rows(shift=0.2, seed=2)) == ["margin"] * 2
    assert moved(watch, rows(seed=3)) == []


@pytest.mark.parametrize(
    ("change", "column"),
    [({"missing": 0.3}, "margin"), ({"abnormal": 0.2}, ABNORMAL)],
)
def test_missing_values_and_the_share_of_abnormal_orders_drift_too(change, column):
    watch = DriftWatch(settings_with().drift)
    usual(watch)
    assert moved(watch, rows(seed=5, **change)) == [column]


def test_blocks_of_any_size_make_the_same_windows():
    whole, cut = DriftWatch(settings_with().drift), DriftWatch(settings_with().drift)
    tables = [rows(seed=1), rows(seed=2), rows(seed=3, shift=0.2)]
    expected = moved(whole, *tables)
    together = pa.concat_tables(tables)
    assert moved(cut, *(together.slice(at, 100) for at in range(0, 900, 100))) == expected == ["margin"]


def test_scores_of_another_model_are_not_held_against_the_last_ones():
    watch = DriftWatch(settings_with().drift)
    usual(watch)
    other = rows(seed=6, versions='{"trees": "m@2"}')
    other = other.set_column(other.schema.get_field_index("raw.trees"), "raw.trees", pa.array(np.full(300, 9.0)))
    assert moved(watch, other) == []
    stays = rows(seed=6)
    stays = stays.set_column(stays.schema.get_field_index("raw.trees"), "raw.trees", pa.array(np.full(300, 9.0)))
    watch = DriftWatch(settings_with().drift)
    usual(watch)
    assert moved(watch, stays) == ["raw.trees"]


def test_a_reference_may_be_given():
    watch = DriftWatch(settings_with().drift)
    watch.set_reference(rows(600, seed=7))
    assert moved(watch, rows(shift=0.2)) == ["margin"]


def test_an_alert_shows_before_and_after_keeps_the_contract_and_is_told_once_until_it_is_over():
    settings = settings_with(resolve_after_seconds=1800)
    watch, alerts = DriftWatch(settings.drift), DriftAlerts(settings, Policy.load())
    usual(watch)
    told = [
        alert
        for at, shift in enumerate((0.2, 0.2, 0.2, 0.0, 0.0))
        for table in (rows(shift=shift, seed=at, at=at * 20),)
        for alert in alerts.told(list(watch.take(table)), last_ms(table))
    ]
    assert [alert.transition for alert in told] == ["firing", "resolved"]
    document = json.loads(told[0].data)
    jsonschema.validate(document, json.loads((FOLDER / "alert.v1.json").read_text()))
    data = document["data"]
    assert (data["kind"], data["entity"]) == (KIND, {"type": "feature", "key": "margin"})
    picture = data["picture"]
    assert len(picture["edges"]) == len(picture["before"]) + 1 == len(picture["after"]) + 1
    assert sum(picture["before"]) == pytest.approx(1.0)
    before, after = (np.average(np.arange(20), weights=picture[side]) for side in ("before", "after"))
    assert after > before + 2
    assert picture["psi"] > 0.25
    again = DriftAlerts(settings, Policy.load())
    watch = DriftWatch(settings.drift)
    usual(watch)
    ids = [alert.id for alert in again.told(list(watch.take(rows(shift=0.2, seed=0))), NOON_MS)]
    assert ids == [told[0].id]


def test_other_alerts_have_no_picture():
    assert "picture" not in json.loads(alert_of_a_mismatch())["data"]


def alert_of_a_mismatch():
    from models.examples import created, encoded
    from stream.record import StoredRecord

    wrong = StoredRecord(encoded(created(total_price="1.00")), key=b"o1", offset=0)
    return Pipeline(load(), partitions=1).process(0, [wrong], wait=False).alerts[0].data


def logged(settings):
    """The blocks of a simulated shop that sells everything three tenths cheaper from the second day on."""
    cut = make("margin_squeeze", after_seconds=36_000.0, duration_seconds=36_000.0, factor=0.7, rank=None)
    shop = SimulatorSettings(
        seed=9, duration_seconds=72_000, orders_per_second=0.05, incidents=(cut,), life_cycle=False
    )
    pipeline = Pipeline(
        settings.model_copy(update={"feature_log": settings.feature_log.model_copy(update={"on": True})})
    )
    lines = [event.value for event in simulate(shop)]
    outcomes = [*(pipeline.process(number, some) for number, some in batches(lines, 4, 400)), pipeline.finish()]
    return [pipeline.feature_log.block([rows]).value for outcome in outcomes for rows in outcome.scored]


def test_the_reader_delivers_the_drift_of_a_price_cut_to_kafka_and_redis(settings):
    own = {"topic": f"features-{uuid4().hex[:8]}", "on": True}
    update = {
        "feature_log": settings.feature_log.model_copy(update=own),
        "drift": settings.drift.model_copy(update={"reference_rows": 1000, "window_rows": 500}),
    }
    settings = settings.model_copy(update=update)
    asyncio.run(ensure_topics(settings, {}))
    blocks = logged(settings)

    async def run():
        producer = AIOKafkaProducer(bootstrap_servers=settings.kafka.brokers)
        await producer.start()
        for block in (*blocks, b"rubbish"):
            await producer.send_and_wait(own["topic"], block, b"0")
        await producer.stop()
        channel = AlertChannel(settings.redis)
        reader = DriftReader(
            settings, DriftWatch(settings.drift), DriftAlerts(settings, Policy.load()), channel, until_caught_up=True
        )
        try:
            return await asyncio.wait_for(reader.run(), 60)
        finally:
            await channel.close()

    assert asyncio.run(run()) == sum(read_block(block).num_rows for block in blocks)
    told = [msgspec.json.decode(entry.data)["data"] for entry in delivered(settings)]
    assert "margin" in {data["entity"]["key"] for data in told}
    assert all(data["picture"]["column"] == data["entity"]["key"] for data in told)
    assert len(read(settings, settings.kafka.alerts_topic, len(told))) == len(told)


def test_a_reference_that_is_none_ends_with_2_and_one_line(monkeypatch, capsys, tmp_path):
    for arguments, word in (([tmp_path / "none"], "is no folder"), ([tmp_path], "no order was placed")):
        monkeypatch.setattr(sys, "argv", ["orderwatch", "drift", "--reference", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
        error = capsys.readouterr().err
        assert (ended.value.code, error.count("\n"), word in error) == (2, 1, True)
