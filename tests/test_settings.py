"""The settings: layers, secrets, and refusals of one line."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from config.errors import ConfigRefused
from config.settings import DEFAULT_FILE, Settings, load, merge

SASL = {"ORDERWATCH_KAFKA__SASL_USERNAME": "worker", "ORDERWATCH_KAFKA__SASL_PASSWORD": "hunter2"}
PRODUCTION = DEFAULT_FILE.with_name("production.yaml")


pytestmark = pytest.mark.usefixtures("bare_environment")


@pytest.fixture
def overlay(tmp_path):
    def write(text, name="site.yaml"):
        path = tmp_path / name
        path.write_text(text)
        return path

    return write


def refusal(*overlays, **overrides):
    with pytest.raises(ConfigRefused) as caught:
        load(*overlays, **overrides)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_the_default_file_alone_is_enough():
    settings = load()
    assert settings.kafka.brokers == "127.0.0.1:9092"
    assert settings.decode.earliest_ms == 946_684_800_000


def test_the_default_file_explains_every_key():
    keys = [line for line in DEFAULT_FILE.read_text().splitlines() if line.startswith("  ") and ":" in line]
    sections = {name for name, field in Settings.model_fields.items() if field.annotation is not str}
    assert len(keys) > 40
    assert sections <= {line.split(":")[0] for line in DEFAULT_FILE.read_text().splitlines()}


def test_the_production_overlay_changes_only_what_it_names(monkeypatch):
    for name, value in SASL.items():
        monkeypatch.setenv(name, value)
    production, default = load(PRODUCTION), load()
    assert production.kafka.security_protocol == "SASL_SSL"
    assert production.kafka.orders_topic == default.kafka.orders_topic
    assert production.time == default.time


def test_later_layers_win_key_by_key(monkeypatch, overlay):
    low = overlay("alerts: {cooldown_seconds: 1, resolve_after_seconds: 1, max_order_ids: 1}", "low.yaml")
    high = overlay("alerts: {cooldown_seconds: 2, resolve_after_seconds: 2}", "high.yaml")
    monkeypatch.setenv("ORDERWATCH_CONFIG", os.pathsep.join(map(str, (low, high))))
    given_file = overlay("alerts: {cooldown_seconds: 3}")
    assert load().alerts.cooldown_seconds == 2
    assert load(given_file).alerts.cooldown_seconds == 3
    monkeypatch.setenv("ORDERWATCH_ALERTS__COOLDOWN_SECONDS", "4")
    assert load(given_file).alerts.cooldown_seconds == 4
    alerts = load(given_file, alerts={"cooldown_seconds": 5}).alerts
    assert (alerts.cooldown_seconds, alerts.resolve_after_seconds, alerts.max_order_ids) == (5, 2, 1)


def test_a_section_left_empty_in_an_overlay_keeps_what_is_below(overlay):
    assert load(overlay("kafka:\n  # brokers: none\nredis:\n")) == load()


@given(
    st.recursive(st.integers(), lambda inner: st.dictionaries(st.sampled_from("abc"), inner), max_leaves=8).filter(
        lambda value: isinstance(value, dict)
    ),
)
def test_merging_nothing_changes_nothing(values):
    assert merge(values, {}) == values
    assert merge(values, values) == values


def test_settings_cannot_be_changed_afterwards():
    with pytest.raises(ValidationError):
        load().kafka.brokers = "elsewhere:9092"


def test_parts_and_their_parameters_can_be_set_from_the_environment(monkeypatch):
    monkeypatch.setenv("ORDERWATCH_RULES__PRICE_FLOOR__ON", "true")
    monkeypatch.setenv("ORDERWATCH_RULES__PRICE_FLOOR__WEIGHT", "0.5")
    monkeypatch.setenv("ORDERWATCH_RULES__PRICE_FLOOR__PARAMS__FLOOR_MINOR", "[5, all]")
    rule = load().rules["price_floor"]
    assert (rule.on, rule.weight, rule.params) == (True, 0.5, {"floor_minor": [5, "all"]})


@pytest.mark.parametrize(
    ("variable", "value", "words"),
    [
        (
            "ORDERWATCH_ALRTS__COOLDOWN_SECONDS",
            "1",
            ["ORDERWATCH_ALRTS", "'alrts'", "did you mean 'alerts'?", "kafka"],
        ),
        (
            "ORDERWATCH_ALERTS__COOLDOWN_MINUTES",
            "15",
            ["COOLDOWN_MINUTES", "did you mean 'cooldown_seconds'?"],
        ),
        (
            "ORDERWATCH_KAFKA__PARTITIONS",
            "many",
            ["ORDERWATCH_KAFKA__PARTITIONS", "kafka.partitions", "'many'", "integer"],
        ),
        ("ORDERWATCH_KAFKA__PARTITIONS", "0", ["kafka.partitions", "greater than or equal to 1"]),
        ("ORDERWATCH_KAFKA", "many", ["ORDERWATCH_KAFKA", "JSON"]),
        ("ORDERWATCH_KAFKA__BROKERS", "broker-1", ["kafka.brokers", "'broker-1'"]),
        (
            "ORDERWATCH_KAFKA__HEARTBEAT_INTERVAL_SECONDS",
            "20",
            ["at most a third of session_timeout_seconds 30"],
        ),
        ("ORDERWATCH_KAFKA__SECURITY_PROTOCOL", "SASL_SSL", ["set ORDERWATCH_KAFKA__SASL_USERNAME"]),
        ("ORDERWATCH_TIME__BUSINESS_TIMEZONE", "Mars/Olympus", ["'Mars/Olympus'", "Asia/Shanghai"]),
        ("ORDERWATCH_RULES__X__WEIGT", "1", ["rules.x", "'weigt'", "did you mean 'weight'?"]),
        ("ORDERWATCH_CONFIG", "/nowhere/site.yaml", ["/nowhere/site.yaml", "No such file"]),
    ],
)
def test_what_is_wrong_in_the_environment_is_named_in_one_line(monkeypatch, variable, value, words):
    monkeypatch.setenv(variable, value)
    message = refusal()
    assert [word for word in words if word not in message] == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("kafkaa: {partitions: 4}", ["unknown key 'kafkaa'", "did you mean 'kafka'?"]),
        ("kafka: {partitions: 4, partitions: 5}", ["line 1", "'partitions' stands twice"]),
        ("kafka: [4]", ["kafka = [4]", "dictionary"]),
        ("- kafka", ["list", "mapping"]),
        ("kafka: {", ["not YAML"]),
        ("7: {}", ["key 7", "quote it"]),
        ("alerts: {cooldown_seconds: 15m}", ["alerts.cooldown_seconds = '15m'", "number"]),
        ("alerts: {cooldown_seconds: .nan}", ["alerts.cooldown_seconds = nan", "finite"]),
        ("alerts: {max_order_ids: 21}", ["alerts.max_order_ids = 21", "less than or equal to 20"]),
        ("judge: {alert_score: 1.5}", ["judge.alert_score = 1.5", "less than or equal to 1"]),
        ("judge: {family_alert_score: {volum: 0.9}}", ["volum", "'volume'"]),
        ("rules: {price_floor: {weight: 2}}", ["rules.price_floor.on is missing"]),
        ("rules: {price_floor: {on: true, weight: -1}}", ["rules.price_floor.weight = -1"]),
        ("decode: {earliest: 2000-01-01T00:00:00}", ["decode.earliest", "timezone"]),
        ("rules: {price_floor: {on: maybe}}", ["rules.price_floor.on = 'maybe'", "boolean"]),
        ("redis: {url: 'http://127.0.0.1'}", ["redis.url", "redis://"]),
    ],
)
def test_what_is_wrong_in_a_file_is_named_in_one_line(overlay, text, words):
    path = overlay(text)
    message = refusal(path)
    assert [word for word in [str(path), *words] if word not in message] == []


@pytest.mark.parametrize(
    ("text", "variable"),
    [
        ("kafka: {sasl_password: hunter2}", "ORDERWATCH_KAFKA__SASL_PASSWORD"),
        ("kafka: {sasl_username: hunter2}", "ORDERWATCH_KAFKA__SASL_USERNAME"),
        ("redis: {password: hunter2}", "ORDERWATCH_REDIS__PASSWORD"),
        ("redis: {url: 'redis://:hunter2@127.0.0.1/0'}", "ORDERWATCH_REDIS__PASSWORD"),
    ],
)
def test_a_secret_in_a_file_is_refused_and_not_repeated(overlay, text, variable):
    message = refusal(overlay(text))
    assert variable in message
    assert "hunter2" not in message


def test_a_secret_from_the_environment_is_kept_and_not_printed(monkeypatch):
    monkeypatch.setenv("ORDERWATCH_REDIS__PASSWORD", "hunter2")
    settings = load()
    assert settings.redis.password is not None
    assert settings.redis.password.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(settings)


def test_on_is_a_key_and_not_a_boolean(overlay):
    settings = load(overlay("instance: NO\nrules:\n  one: {on: true}\n  other: {on: off}"))
    assert settings.instance == "NO"
    assert (settings.rules["one"].on, settings.rules["other"].on) == (True, False)


def test_a_file_that_is_not_text_is_refused(tmp_path):
    path = tmp_path / "site.yaml"
    path.write_bytes(b"instance: \xff\xfe")
    assert "not UTF-8" in refusal(path)


def test_an_argument_that_is_wrong_is_called_an_argument():
    assert refusal(kafka={"partitons": 4}).startswith("argument: kafka: unknown key 'partitons'")


def test_the_unknown_key_is_named_before_the_missing_one_that_it_was_meant_to_be():
    message = refusal(rules={"price_floor": {"onn": True}})
    assert "unknown key 'onn'" in message
    assert "(and 1 more)" in message


def test_thresholds_fall_back_to_the_general_one():
    judge = load(judge={"alert_score": 0.9, "family_alert_score": {"volume": 0.99}}).judge
    assert (judge.alert_score_of("volume"), judge.alert_score_of("latency")) == (0.99, 0.9)


def test_no_path_of_this_machine_stands_in_the_files():
    text = "".join(Path(path).read_text() for path in (DEFAULT_FILE, PRODUCTION))
    assert str(Path.home()) not in text
