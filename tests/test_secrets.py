"""Secrets and personal data are planted, everything is made to speak, and nothing that it says holds them."""

from __future__ import annotations

import asyncio
import json
import os
import pickle
import signal
import subprocess
import sys
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import redis
import yaml
from pydantic import SecretStr

from config.settings import load
from models.examples import created, encoded
from stream.engine.topics import ensure_topics
from stream.pipeline import Pipeline
from stream.record import StoredRecord
from tests.parts.ports import free_ports
from tests.parts.redis_server import RedisServer
from tests.parts.traffic import read, send, wait_until

ORDERWATCH = str(Path(sys.executable).with_name("orderwatch"))
PLANTED = "planted-c0rrect-h0rse-battery"
SECRETS = {
    "ORDERWATCH_KAFKA__SASL_USERNAME": f"{PLANTED}-user",
    "ORDERWATCH_KAFKA__SASL_PASSWORD": f"{PLANTED}-sasl",
    "ORDERWATCH_REDIS__PASSWORD": f"{PLANTED}-redis",
    "ORDERWATCH_WEB__TOKEN": f"{PLANTED}-token",
}
PERSON = {"phone": "+86 139 1234 5678", "postal_code": "200040", "city": "Planted City", "street": "Planted Street 7"}


@pytest.fixture
def environment():
    """Ours, with the secrets in it and no other setting."""
    bare = {name: value for name, value in os.environ.items() if not name.startswith("ORDERWATCH_")}
    return {**bare, **SECRETS, "PYTHONFAULTHANDLER": "1"}


def said(environment, *arguments) -> str:
    """All that a command says, however it ends."""
    done = subprocess.run([ORDERWATCH, *arguments], env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_no_command_shows_a_secret_whether_it_succeeds_or_fails(environment, tmp_path):
    nowhere = tmp_path / "nowhere.yaml"
    port = free_ports(1)[0]
    sasl = {"brokers": f"127.0.0.1:{port}", "security_protocol": "SASL_PLAINTEXT"}
    nowhere.write_text(yaml.safe_dump({"kafka": sasl, "redis": {"url": f"redis://127.0.0.1:{port}/0"}}))
    elsewhere = ("--config", str(nowhere))
    commands = {
        "good": ({}, "config", "check"),
        "no redis": ({}, "alerts", *elsewhere),
        "no dlq": ({}, "dlq", "list", *elsewhere),
        "too short": ({"ORDERWATCH_WEB__TOKEN": PLANTED[:9]}, "config", "check"),
        "misspelt": ({"ORDERWATCH_REDIS__PASSWROD": PLANTED}, "config", "check"),
        "a mapping": ({"ORDERWATCH_REDIS": f'{{"password": ["{PLANTED}"]}}'}, "config", "check"),
        "in the url": ({"ORDERWATCH_REDIS__URL": f"redis://me:{PLANTED}@h:1/0"}, "config", "check"),
    }
    with ThreadPoolExecutor(2) as pool:
        texts = pool.map(lambda call: said({**environment, **call[0]}, *call[1:]), commands.values())
        told = dict(zip(commands, texts, strict=True))
    assert "the settings are good" in told["good"]
    assert [name for name, text in told.items() if not text.strip()] == []
    assert [name for name, text in told.items() if PLANTED[:9] in text] == []


def test_settings_do_not_show_their_secrets_to_whoever_prints_them(monkeypatch):
    for name, value in SECRETS.items():
        monkeypatch.setenv(name, value)
    settings = load()
    shown = f"{settings!r} {settings} {settings.model_dump()} {settings.model_dump_json()} {settings.redis!r}"
    assert PLANTED not in shown
    assert settings.redis.password is not None
    assert settings.redis.password.get_secret_value() == SECRETS["ORDERWATCH_REDIS__PASSWORD"]


WORKER = """
import pickle, sys
sys.path.insert(0, sys.argv[1])
from stream.engine.worker import run_worker
from stream.log_lines import configure
from tests.parts.every_order import EveryOrder

settings = pickle.load(sys.stdin.buffer)
configure(settings.log, verbose=True)
run_worker(settings, EveryOrder())
"""


def test_a_worker_leaves_no_secret_in_log_topics_redis_or_metrics(settings, parts, tmp_path):
    password, token = SECRETS["ORDERWATCH_REDIS__PASSWORD"], SECRETS["ORDERWATCH_WEB__TOKEN"]
    with RedisServer(parts.redis_binary, options=["--requirepass", password]) as server:
        own = {"url": server.url, "password": SecretStr(password)}
        web = {"on": True, "port": free_ports(1)[0], "token": SecretStr(token)}
        kafka = {"session_timeout_seconds": 4.0, "rebalance_timeout_seconds": 8.0}
        sections = {"redis": own, "web": web, "kafka": kafka}
        settings = settings.model_copy(
            update={name: getattr(settings, name).model_copy(update=keys) for name, keys in sections.items()}
        )
        asyncio.run(ensure_topics(settings, {}))
        send(settings, [b'{"order_id": "1"}', b"no order"])
        log = tmp_path / "log"
        with log.open("wb") as file, subprocess.Popen(
            [sys.executable, "-c", WORKER, str(Path(__file__).parents[1])],
            stdin=subprocess.PIPE, stderr=file, env={**os.environ, **SECRETS},
        ) as process:  # fmt: skip
            assert process.stdin is not None
            process.stdin.write(pickle.dumps(settings))
            process.stdin.close()
            with redis.Redis.from_url(server.url, password=password) as client:
                wait_until(lambda: client.xlen(settings.redis.stream) >= 1)
                kept = [client.xrange(settings.redis.stream), client.keys("*")]
                request = urllib.request.Request(f"http://127.0.0.1:{settings.web.port}/metrics")
                request.add_header("Authorization", f"Bearer {token}")
                metrics = urllib.request.urlopen(request).read()
                client.config_set("requirepass", "changed-meanwhile")  # what is said when a password is refused
                client.client_kill_filter(_type="normal", skipme=True)
                send(settings, [b'{"order_id": "2"}'])
                wait_until(lambda: b"does not take alerts" in log.read_bytes())
            process.send_signal(signal.SIGTERM)
    topics = [read(settings, topic, 1) for topic in (settings.kafka.alerts_topic, settings.kafka.dlq_topic)]
    told = b" ".join([metrics, log.read_bytes(), repr(kept).encode(), repr(topics).encode()])
    assert b"orderwatch_events_total" in told
    assert PLANTED.encode() not in told


def test_personal_data_never_leaves_decode():
    pipeline = Pipeline(load(), partitions=1)
    address = {"country": "CN", "region": "Shanghai", **PERSON}
    values = [
        encoded(created(order_id=f"o{number}", event_id=f"e{number}", total_price="1.00", shipping_address=address))
        for number in range(20)
    ]
    wrong = {**address, "phone": {"number": PERSON["phone"]}, "postal_code": [PERSON["postal_code"]]}
    values.append(encoded(created(order_id="o99", event_id="e99", shipping_address=wrong)))
    records = [StoredRecord(value, key=b"k", offset=number) for number, value in enumerate(values)]
    outcome = pipeline.process(0, records, wait=False)
    alerts = [json.loads(alert.data) for alert in outcome.alerts]
    assert {alert["data"]["kind"] for alert in alerts} >= {"price.total_mismatch"}
    state = pickle.dumps(pipeline.get_state())
    reasons = [letter.error_message for letter in outcome.dead_letters]
    told = json.dumps([alerts, reasons], ensure_ascii=False).encode() + state
    assert len(reasons) == 1
    assert b"Shanghai" in told
    for what in PERSON.values():
        assert what.encode() not in told
        assert what.replace(" ", "").encode() not in told
