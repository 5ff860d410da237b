"""Dead letters: listed with why, shown without harm to a terminal, and sent again without counting twice."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from aiokafka import AIOKafkaProducer

from models.examples import created, encoded
from stream.cli import main
from stream.dead_letter import DeadLetter, headers
from stream.decode import Decoder
from stream.engine.app import security
from stream.engine.topics import ensure_topics
from stream.engine.worker import run_worker
from tests.parts.every_order import EveryOrder, Judged
from tests.parts.traffic import read

GOOD = encoded(created())
OTHER = encoded(created(order_id="o2", event_id="e2"))
BAD = b'{"event_type": "order.sung"}'
RUDE = b"\x1b[2J\xff\xe2\x80\xae {\x07"


@pytest.fixture
def file(settings, tmp_path):
    """The settings as an operator would write them, for the command line."""
    path = tmp_path / "site.yaml"
    kafka = {"brokers", "orders_topic", "dlq_topic", "alerts_topic", "group"}
    path.write_text(yaml.safe_dump({"kafka": settings.kafka.model_dump(include=kafka), "instance": "test"}))
    return path


@pytest.fixture
def run(monkeypatch, capfdbinary, file):
    """Run `orderwatch dlq …`; give exit code, output and messages."""

    def call(*arguments):
        monkeypatch.setattr(sys, "argv", ["orderwatch", "dlq", *map(str, arguments), "--config", str(file)])
        with pytest.raises(SystemExit) as ended:
            main()
        sys.stdout.flush()
        out, err = capfdbinary.readouterr()
        return ended.value.code or 0, out, err.decode()

    return call


def letter(offset, value, error="NotJson", message="expected {", key=b"o1", partition=1):
    return DeadLetter(value, key, partition, offset, 1_767_261_600_000, error, message)


def refuse(settings, *letters, topic=None, more=()):
    """Write letters as a worker does, in this order, to one partition after the other."""

    async def run():
        await ensure_topics(settings, security(settings.kafka))
        producer = AIOKafkaProducer(bootstrap_servers=settings.kafka.brokers)
        await producer.start()
        for number, each in enumerate(letters):
            told = [*headers(each, topic or settings.kafka.orders_topic), *more]
            place = number % settings.kafka.partitions
            await producer.send_and_wait(settings.kafka.dlq_topic, each.value, each.key, place, None, told)
        await producer.stop()

    asyncio.run(run())


def test_letters_are_listed_with_their_reason_and_counted_by_error(settings, run):
    refuse(settings, letter(5, BAD), letter(6, RUDE, "NotUtf8", "byte 0xff\x1b[31m"), letter(7, BAD))
    code, out, _ = run("list", "--json")
    told = json.loads(out)
    assert (code, told["total"], told["by_error"]) == (0, 3, {"NotJson": 2, "NotUtf8": 1})
    assert [each["letter"] for each in told["letters"]] == ["0:0", "1:0", "2:0"]
    assert told["letters"][1]["origin"] == {"topic": settings.kafka.orders_topic, "partition": 1, "offset": 6}
    assert told["letters"][1]["bytes"] == len(RUDE)
    code, out, err = run("list", "--error", "NotUtf8")
    assert (code, err.split()[0]) == (0, "1")
    assert [line.split()[0] for line in out.splitlines() if b"NotUtf8" in line] == [b"1:0"]
    assert b"NotJson" not in out
    assert b"\x1b" not in out
    assert json.loads(run("list", "--json", "--last", 1)[1])["letters"][0]["letter"] == "2:0"
    assert json.loads(run("list", "--json", "--since", "2999-01-01")[1])["total"] == 0
    assert json.loads(run("list", "--json", "--since", "1h")[1])["total"] == 3


def test_a_message_that_was_refused_twice_counts_once(settings, run):
    refuse(settings, letter(5, BAD), letter(5, BAD), letter(6, BAD))
    told = json.loads(run("list", "--json")[1])
    assert (told["total"], told["repeated"], len(told["letters"])) == (2, 1, 2)


def test_a_letter_is_shown_whole_and_cannot_act_on_the_terminal(settings, run):
    refuse(settings, letter(5, RUDE, key=b"\x1b]0;title\x07"))
    code, out, err = run("show", "0:0")
    assert code == 0
    assert rb"\x1b[2J\xff\u202e {\x07" in out
    assert b"original_offset       5" in out
    assert not set(out) & set(b"\x1b\x07\xff")
    assert "personal data" in err
    assert run("show", "0:0", "--raw")[1] == RUDE
    told = json.loads(run("show", "0:0", "--json")[1])
    assert told["headers"]["error_class"] == "NotJson"
    assert told["value_base64"] == "G1sySv/igK4gewc="


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["show", "first"], "'first'"),
        (["show", "0:99"], "no letter at 0:99"),
        (["show", "77:0"], "no letter at 77:0"),
        (["replay"], "--all"),
    ],
)
def test_what_names_no_letter_ends_with_2_and_one_line(settings, run, arguments, word):
    refuse(settings, letter(5, BAD))
    code, _, err = run(*arguments)
    assert (code, err.count("\n")) == (2, 1)
    assert word in err


def test_a_replay_sends_what_can_be_read_now_to_where_it_came_from_and_says_what_it_left(settings, run):
    refuse(settings, letter(5, GOOD), letter(6, BAD), letter(7, None, key=b""), letter(8, OTHER, key=None))
    refuse(settings, letter(9, GOOD), topic="another")
    refuse(settings, letter(10, GOOD[:20]), more=[("shortened_from_bytes", b"9000000")])
    code, out, _ = run("replay", "--all", "--dry-run")
    assert (code, out.split()[0]) == (0, b"2")
    assert read(settings, settings.kafka.orders_topic) == []
    code, out, _ = run("replay", "--all", "--json")
    kept = {"refused again": 1, "empty": 1, "from elsewhere": 1, "shortened": 1}
    assert json.loads(out) == {"dry_run": False, "sent": 2, "kept": kept, "missing": []}
    sent = {record.value: record for record in read(settings, settings.kafka.orders_topic, 2)}
    assert sent.keys() == {GOOD, OTHER}
    assert [(each.partition, each.key) for each in (sent[GOOD], sent[OTHER])] == [(1, b"o1"), (1, None)]
    assert dict(sent[GOOD].headers) == {"replayed_from": f"{settings.kafka.dlq_topic}:0:0".encode()}


def test_a_replay_takes_the_named_ones_and_says_which_are_not_there(settings, run):
    refuse(settings, letter(5, GOOD), letter(6, BAD), letter(7, OTHER))
    code, out, err = run("replay", "1:0", "2:0", "3:44", "--refused-too")
    assert (code, out.split()[0]) == (1, b"2")
    assert "no letter at 3:44" in err
    assert {record.value for record in read(settings, settings.kafka.orders_topic, 2)} == {BAD, OTHER}


@pytest.mark.parametrize("arguments", [["list"], ["show", "0:0"], ["replay", "--all"]])
def test_a_kafka_that_is_away_is_one_line(file, arguments):
    sections = yaml.safe_load(file.read_text())
    sections["kafka"]["brokers"] = "127.0.0.1:1"
    file.write_text(yaml.safe_dump(sections))
    command = [Path(sys.executable).with_name("orderwatch"), "dlq", *arguments, "--config", file]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr.count("\n")) == (1, 1)
    assert "127.0.0.1" in done.stderr


class Decodes(EveryOrder):
    """What of the pipeline knows an event again, and no more."""

    def __init__(self, settings):
        super().__init__()
        self.decoders = [Decoder(number, settings.decode) for number in range(settings.kafka.partitions)]

    def process(self, partition, records, **_):
        decoded = self.decoders[partition].decode(records)
        return Judged(events=len(decoded.batch), duplicates=decoded.duplicates, dead_letters=decoded.dead_letters)


def test_a_letter_that_is_replayed_twice_is_judged_once(settings, run):
    refuse(settings, letter(5, GOOD, "TooLong", "over decode.max_event_bytes, which was raised since"))
    assert [run("replay", "--error", "TooLong")[1].split()[0] for _ in range(2)] == [b"1", b"1"]
    quick = {"session_timeout_seconds": 4.0, "rebalance_timeout_seconds": 8.0, "commit_interval_seconds": 0.2}
    settings = settings.model_copy(update={"kafka": settings.kafka.model_copy(update=quick)})
    done = run_worker(settings, Decodes(settings), until_caught_up=True)
    assert (done.events, done.duplicates, done.dead_letters) == (1, 1, 0)
