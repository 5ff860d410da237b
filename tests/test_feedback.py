"""Analysts' verdicts: events, labels with the time at which they were known, and what they change of what is told."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import sys
import threading
from dataclasses import replace
from uuid import uuid4

import msgspec
import numpy as np
import pyarrow as pa
import pytest

from config.settings import load
from models.verdict import Signal, Verdict
from stream.cli import main
from stream.engine.worker import run_worker
from stream.feedback.effect import FeedbackEffect
from stream.feedback.event import SAID, Feedback, feedback_on, read_feedback
from stream.feedback.labels import LABEL, LABEL_FROM, LABEL_TIME, beside, labelled
from stream.feedback.read import feedback_of
from stream.incident import fingerprint_of
from stream.pipeline import Pipeline
from tests.feature_traffic import send
from tests.parts.traffic import delivered, wait_until
from tests.small_shop import log
from tests.small_shop import run as run_shop

HOUR_MS = 3_600_000
NOON_MS = 1_767_268_800_000


def verdict(score=0.9995, *, at_ms=NOON_MS, entity="app", kind="behaviour.odd_order", loss_e4=0, order="o1"):
    signal = Signal("half_space_trees", kind, score, 1.0, 1.0, 0.0, 0.0, is_rule=False, contribution=score)
    return Verdict(
        kind, score, "channel", entity, at_ms, at_ms, 0, 7, (signal,), order_id=order, loss_e4=loss_e4, currency="EUR"
    )


def said(what, *, at_ms=NOON_MS - HOUR_MS, about=None, number=0):
    about = about or verdict()
    return Feedback(
        id=f"{what}-{at_ms}-{about.entity}-{number}", said=what, alert_id="a1", author="ann",
        fingerprint=fingerprint_of(about), kind=about.kind, entity_type=about.entity_type, entity=about.entity,
        order_ids=("o1",), at_ms=at_ms,
    )  # fmt: skip


def effect(*feedback, **settings):
    whole = load(feedback={"on": True, **settings})
    made = FeedbackEffect(whole.feedback, whole.judge)
    for one in feedback:
        made.take(one)
    return made


def passes(made, *verdicts):
    return [one.entity for one in made.passed(verdicts)]


# --- bars ----------------------------------------------------------------------------------------


def test_false_alerts_raise_the_bar_of_their_entity_and_true_ones_take_it_back():
    just, rare = verdict(0.9992), verdict(0.99999)
    assert passes(effect(), just, rare) == ["app", "app"]
    twice = [said("false", number=1), said("false", number=2)]
    assert passes(effect(*twice), just, rare) == ["app"]
    assert passes(effect(*twice, *(said("true", at_ms=NOON_MS - n) for n in (1, 2))), just, rare) == ["app", "app"]
    assert effect(*twice).bar_decades("behaviour.odd_order", "channel", "app", NOON_MS) == pytest.approx(1.2)


def test_others_of_the_family_feel_a_fifth_of_it_and_other_families_nothing():
    made = effect(said("false"))
    assert made.bar_decades("behaviour.odd_order", "channel", "web", NOON_MS) == pytest.approx(0.1)
    assert made.bar_decades("price.low", "channel", "app", NOON_MS) == 0.0


@pytest.mark.parametrize("count", [1, 7, 200])
def test_a_bar_stays_within_its_bounds_and_is_forgotten(count):
    made = effect(*(said("false", number=n) for n in range(count)))
    assert 0 < made.bar_decades("behaviour.odd_order", "channel", "app", NOON_MS) <= 2.0
    assert made.bar_decades("behaviour.odd_order", "channel", "app", NOON_MS + 31 * 24 * HOUR_MS) == 0.0
    praised = effect(*(said("true", number=n) for n in range(count)))
    assert praised.bar_decades("behaviour.odd_order", "channel", "app", NOON_MS) == 0.0


def test_hard_evidence_passes_any_bar():
    made = effect(*(said("false", number=n) for n in range(50)), max_decades=2.0)
    assert passes(made, verdict(1.0 - 1e-9)) == ["app"]


def test_what_is_said_holds_from_its_own_time_on_however_late_it_is_read():
    early, late = verdict(0.9992, at_ms=NOON_MS - 2 * HOUR_MS), verdict(0.9992)
    made = effect(said("false", number=1), said("false", number=2))
    assert made.passed([early, late]) == [early]


def test_the_same_words_twice_count_once_and_their_order_of_reading_does_not():
    words = [
        said("false", number=1, at_ms=NOON_MS - 9),
        said("true", number=2, at_ms=NOON_MS - 5),
        said("false", number=3),
    ]
    bars = {
        effect(*order).bar_decades("behaviour.odd_order", "channel", "app", NOON_MS)
        for order in (words, words[::-1], [*words, *words])
    }
    assert len(bars) == 1


# --- suppressions --------------------------------------------------------------------------------


def test_an_expected_condition_is_silent_until_it_expires_and_what_it_hid_is_known():
    made = effect(said("expected"), suppress_seconds=7200)
    signs = [verdict(at_ms=NOON_MS + n, loss_e4=10_000, order=f"o{n}") for n in range(3)]
    assert made.passed(signs) == []
    assert passes(made, verdict(entity="web")) == ["web"]
    [one] = made.suppressions()
    assert (one.hidden.count, one.hidden.loss_e4, one.hidden.currency) == (3, 30_000, "EUR")
    assert one.hidden.order_ids == ["o0", "o1", "o2"]
    assert passes(made, verdict(at_ms=NOON_MS + HOUR_MS)) == ["app"]


def test_it_lifts_itself_above_the_loss_limit_and_tells_all_that_was_hidden(caplog):
    made = effect(said("expected"), loss_limit=100)
    with caplog.at_level(logging.WARNING, "stream"):
        told = [made.passed([verdict(at_ms=NOON_MS + n, loss_e4=400_000)]) for n in range(4)]
    assert [len(one) for one in told] == [0, 0, 1, 1]
    assert told[2][0].loss_e4 == 1_200_000
    assert told[3][0].loss_e4 == 400_000
    assert "3 signs worth 120.00 were hidden: over feedback.loss_limit" in caplog.text


def test_a_true_of_the_same_condition_ends_it():
    made = effect(said("expected"), said("true", at_ms=NOON_MS + 5))
    assert len(made.passed([verdict(at_ms=NOON_MS + 1), verdict(at_ms=NOON_MS + 9)])) == 1


@pytest.mark.parametrize("what", ["duplicate", "wrong_owner"])
def test_other_words_change_nothing_that_is_told(what):
    assert passes(effect(said(what)), verdict(0.9992)) == ["app"]


def test_what_was_hidden_outlives_a_restart_whichever_is_read_first():
    made = effect(said("expected"), loss_limit=100)
    made.passed([verdict(loss_e4=900_000)])
    state = {name: array.copy() for name, array in made.get_state().items()}
    before, after = effect(loss_limit=100), effect(said("expected"), loss_limit=100)
    before.set_state(state)
    before.take(said("expected"))
    after.set_state(state)
    for other in (before, after):
        assert other.suppressions()[0].hidden.count == 1
        assert other.passed([verdict(loss_e4=200_000)])[0].loss_e4 == 1_100_000


# --- in the pipeline -----------------------------------------------------------------------------


def test_the_pipeline_tells_less_by_what_was_expected_and_nothing_else_changes():
    alerts = [alert for outcome in run_shop(log()) for alert in outcome.alerts]
    head = next(alert for alert in alerts if alert.kind == "price.total_mismatch")
    word = feedback_on(head.data, "expected", at_ms=head.time_ms - 10 * HOUR_MS)
    from tests.small_shop import PARTITIONS, REGISTER

    settings = load(feedback={"on": True, "loss_limit": 1e9})
    pipelines = [Pipeline(settings, partitions=PARTITIONS, promotions=REGISTER) for _ in range(2)]
    pipelines[0].feedback.take(word)
    told = []
    for pipeline in pipelines:
        outcomes = [pipeline.process(number, records) for number, records in enumerate(log())]
        told.append([alert for outcome in [*outcomes, pipeline.finish()] for alert in outcome.alerts])
    without, whole = ({alert.id: alert.fingerprint for alert in some} for some in told)
    gone = {name: fingerprint for name, fingerprint in whole.items() if name not in without}
    assert head.fingerprint in set(gone.values())
    assert head.fingerprint not in set(without.values())


# --- labels --------------------------------------------------------------------------------------


def rows(n=6, **columns):
    times = pa.array([NOON_MS + i * HOUR_MS for i in range(n)], pa.int64()).cast(pa.timestamp("ms", "UTC"))
    return pa.table({"order_id": [f"o{i}" for i in range(n)], "time": times, **columns})


def about(order, what, at_ms):
    return replace_id(said(what, at_ms=at_ms), order)


def replace_id(feedback, order):
    return msgspec.structs.replace(feedback, order_ids=(order,), id=f"{feedback.id}-{order}")


def test_labels_are_what_was_known_at_the_time_and_silence_is_one_after_a_while():
    words = [
        about("o0", "true", NOON_MS + 9),
        about("o1", "false", NOON_MS + 9),
        about("o1", "wrong_owner", NOON_MS + 99),
    ]
    words += [about("o2", "duplicate", NOON_MS + 9)]
    table = labelled(rows(), words, as_of_ms=NOON_MS + 4 * HOUR_MS, maturity_seconds=3 * 3600)
    assert table[LABEL].to_pylist()[:2] == [1.0, 1.0]
    assert table[LABEL_FROM].to_pylist() == ["feedback", "feedback", "", "", "", ""]
    later = labelled(rows(), words, as_of_ms=NOON_MS + 5 * HOUR_MS, maturity_seconds=3 * 3600)
    assert later[LABEL].to_pylist()[2] == 0.0
    assert later[LABEL_FROM].to_pylist()[2:4] == ["maturity", ""]
    assert later[LABEL_TIME].cast(pa.int64()).to_pylist()[2] == NOON_MS + 5 * HOUR_MS
    before = labelled(rows(), words, as_of_ms=NOON_MS + 50, maturity_seconds=3 * 3600)
    assert before[LABEL].to_pylist()[1] == 0.0
    assert np.isnan(before[LABEL].to_pylist()[2])


def test_precision_and_recall_are_of_orders_that_somebody_has_judged_and_both_have_scored():
    nan = float("nan")
    table = rows(
        versions=[json.dumps({"trees": "m@1"})] * 5 + [json.dumps({"trees": "m@0"})],
        **{
            "score.trees": [1.0, 1.0, nan, nan, 1.0, 1.0],
            "score.m@2": [1.0, nan, 1.0, nan, 1.0, 1.0],
            "raw.m@2": [0.5] * 6,
        },
    )
    words = [about(f"o{i}", what, NOON_MS) for i, what in enumerate(("true", "false", "true", "true"))]
    words += [about("o5", "true", NOON_MS)]
    known = labelled(table, words, as_of_ms=NOON_MS + 9 * HOUR_MS, maturity_seconds=60)
    champion, challenger, labels = beside(known, "trees", "m@1", "m@2")
    assert (champion.precision, champion.recall) == (0.5, pytest.approx(1 / 3))
    assert (challenger.precision, challenger.recall) == (1.0, pytest.approx(2 / 3))
    assert labels == 4
    assert beside(known, "trees", "m@1", "m@7") is None


# --- the command and the worker ------------------------------------------------------------------


def test_every_verdict_is_an_event_that_reads_back_and_rubbish_is_none():
    alert = run_shop(log())[-1].alerts or [alert for outcome in run_shop(log()) for alert in outcome.alerts]
    for what in SAID:
        word = feedback_on(alert[0].data, what, at_ms=5, author="ann", note="so")
        assert read_feedback(msgspec.json.encode(word)) == word
    assert read_feedback(b"rubbish") is None
    assert read_feedback(None) is None


@pytest.fixture
def run(monkeypatch, capsys, settings, tmp_path):
    """Run `orderwatch feedback` on the test's Kafka and Redis."""
    name = uuid4().hex[:8]
    kafka = {"brokers": settings.kafka.brokers, "control_topic": f"control-{name}"}
    config = tmp_path / "shop.yaml"
    redis = {"url": settings.redis.url, "stream": settings.redis.stream}
    config.write_text(json.dumps({"kafka": kafka, "redis": redis, "feedback": {"topic": f"feedback-{name}"}}))

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["orderwatch", "feedback", *arguments, "--config", str(config)])
        with pytest.raises(SystemExit) as ended:
            main()
        captured = capsys.readouterr()
        return ended.value.code or 0, captured.out, captured.err

    update = {
        "kafka": settings.kafka.model_copy(update={**kafka, "session_timeout_seconds": 4.0}),
        "feedback": settings.feedback.model_copy(update={"on": True, "topic": f"feedback-{name}", "loss_limit": 1e9}),
    }
    call.settings = settings.model_copy(update=update)
    return call


def mismatched(numbers):
    from models.examples import created, encoded

    class Event:
        def __init__(self, number):
            self.key = f"o{number}"
            self.value = encoded(created(f"o{number}", at=number, total_price="1.00"))

    return [Event(number) for number in numbers]


def test_a_verdict_given_on_the_command_line_reaches_the_worker_and_shows_what_it_hides(run):
    settings = run.settings
    pipeline = Pipeline(settings)
    outcome = {}

    def direct():
        try:
            send(settings, mismatched(range(5)))
            wait_until(lambda: bool(delivered(settings)))
            first = delivered(settings)[0]
            code, _, _ = run("give", first.id[:10], "expected", "--note", "a sale", "--author", "ann")
            wait_until(lambda: bool(pipeline.feedback.suppressions()))
            word = pipeline.feedback.suppressions()[0].feedback
            outcome.update(code=code, word=word)
        finally:
            os.kill(os.getpid(), signal.SIGTERM)

    helper = threading.Thread(target=direct)
    run_worker(settings, pipeline, on_ready=lambda _: helper.start())
    helper.join()
    assert (outcome["code"], outcome["word"].said, outcome["word"].note) == (0, "expected", "a sale")
    assert feedback_of(settings) == [outcome["word"]]
    hiding = replace(
        verdict(
            kind=outcome["word"].kind, entity=outcome["word"].entity, at_ms=outcome["word"].at_ms + 1, loss_e4=15_000
        ),
        entity_type=outcome["word"].entity_type,
    )
    again = Pipeline(settings)
    from stream.engine.feedback_reader import FeedbackReader
    from stream.whole_topic import add

    async def tell():
        async def take(key, value):
            await add(settings.kafka, settings.kafka.control_topic, key, value)

        reader = FeedbackReader(settings, again.feedback, lambda: 0, take)
        await reader.load()
        assert again.feedback.passed([hiding]) == []
        await reader.tell()
        [*metrics] = reader.collect()
        assert metrics

    asyncio.run(tell())
    [row] = json.loads(run("list", "--json")[1])
    assert (row["said"], row["hidden"]["count"], row["hidden"]["loss"]) == ("expected", 1, "1.50")
    assert "hidden since: 1 signs, 1.50 EUR" in run("list")[1]


def test_what_is_no_alert_or_no_verdict_ends_with_2_and_one_line(run):
    for arguments, word in (
        (("give", "0123456789", "true"), "no alert begins with '0123456789'"),
        (("give", "012", "true"), "too short"),
        (("give", "0123456789", "maybe"), "'maybe' is no verdict; one of true, false"),
    ):
        code, _, error = run(*arguments)
        assert (code, error.count("\n")) == (2, 1)
        assert word in error
