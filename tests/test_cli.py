"""The command line: exit codes, output, and what a shell may do to it."""

from __future__ import annotations

import asyncio
import gzip
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from config.settings import load
from stream.alert import Alert
from stream.alert_channel import AlertChannel
from stream.embedded import embedded_services

ORDERWATCH = str(Path(sys.executable).with_name("orderwatch"))


pytestmark = pytest.mark.usefixtures("bare_environment")


@pytest.fixture(scope="module")
def orders(tmp_path_factory):
    """Two simulated hours with a stacking incident, in a file."""
    path = tmp_path_factory.mktemp("orders") / "orders.jsonl"
    made = subprocess.run(
        f"{ORDERWATCH} simulate --hours 2 --rate 0.3 --incident promotion_stacking@1 "
        f"--out {path} --register {path.with_name('register.yaml')}".split(),
        check=False,
        capture_output=True,
        text=True,
    )
    assert made.returncode == 0, made.stderr
    return path


def one_line(text):
    assert text.count("\n") == 1
    return text


def test_help_is_quick_because_it_imports_nothing_heavy():
    heavy = {"faust", "numba", "numpy", "pydantic", "redis", "rich.console", "sklearn", "yaml"}
    code = f"import sys, stream.cli; print(sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "[]"


def test_every_command_explains_itself(run):
    code, out, _ = run("--help")
    assert code == 0
    for command in ("demo", "worker", "replay", "simulate", "import", "alerts", "parts", "config"):
        assert f"  {command} " in out
        assert run(command, "--help")[0] == 0


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["replay", "nowhere.jsonl"], ["nowhere.jsonl", "No such file"]),
        (["replay", "."], [".", "cannot be read"]),
        (["replay", "-", "--promotions", "nowhere.yaml"], ["nowhere.yaml"]),
        (["replay", "-", "--config", "nowhere.yaml"], ["nowhere.yaml"]),
        (["replay", "-", "--out", "nowhere/alerts.jsonl"], ["nowhere/alerts.jsonl", "cannot be written"]),
        (["config", "check", "nowhere.yaml"], ["nowhere.yaml"]),
        (["import", "olist", "nowhere.jsonl"], ["nowhere.jsonl"]),
        (["simulate", "--hours", "-1"], ["duration_seconds", "-3600"]),
        (["simulate", "--incident", "earthquake@1"], ["'earthquake'", "price_typo"]),
    ],
)
def test_what_cannot_be_used_ends_with_2_and_one_line(run, arguments, words):
    code, _, err = run(*arguments)
    assert code == 2
    assert [word for word in words if word not in one_line(err)] == []


@pytest.mark.parametrize(
    "arguments",
    [["replay"], ["replay", "-", "--fast"], ["sing"], ["simulate", "--incident", "price_typo@noon"]],
)
def test_a_wrong_call_ends_with_2(run, arguments):
    assert run(*arguments)[0] == 2


def test_a_wrong_setting_in_the_environment_ends_with_2_and_one_line(run, monkeypatch):
    monkeypatch.setenv("ORDERWATCH_ALRTS__COOLDOWN_SECONDS", "1")
    code, _, err = run("parts")
    assert code == 2
    assert "ORDERWATCH_ALRTS__COOLDOWN_SECONDS" in one_line(err)


def test_config_check_says_that_the_default_settings_are_good(run):
    code, out, _ = run("config", "check")
    assert code == 0
    assert "the settings are good" in one_line(out)


def test_config_check_names_a_part_that_does_not_exist(run, tmp_path):
    overlay = tmp_path / "site.yaml"
    overlay.write_text("rules: {total_mismach: {on: true}}")
    code, _, err = run("config", "check", overlay)
    assert code == 2
    assert "did you mean 'total_mismatch'?" in one_line(err)


def test_parts_lists_each_part_with_what_it_is(run):
    code, out, _ = run("parts", "--json")
    assert code == 0
    parts = json.loads(out)
    assert {part["section"] for part in parts} == {"features", "rules", "detectors"}
    assert all(len(part["what"]) > 10 for part in parts)
    assert run("parts")[0] == 0


def test_replay_counts_and_writes_what_it_finds(run, orders, tmp_path):
    found = tmp_path / "alerts.jsonl"
    register = orders.with_name("register.yaml")
    code, out, _ = run("replay", orders, "--promotions", register, "--out", found, "--json")
    summary, alerts = json.loads(out), [json.loads(line) for line in found.read_text().splitlines()]
    assert code == 0
    assert summary["events"] == len(orders.read_text().splitlines())
    assert (summary["invalid"], summary["duplicates"]) == (0, 0)
    assert summary["transitions"] == len(alerts) >= summary["alerts"] > 0
    assert summary["seconds"] > 0
    assert "promotion" in {alert["data"]["kind"].partition(".")[0] for alert in alerts}


def test_replay_tells_a_person_what_was_worst(run, orders):
    code, out, _ = run("replay", orders, "--promotions", orders.with_name("register.yaml"))
    assert code == 0
    assert "critical" in out
    assert "events/s" in out


def test_replay_reads_gzip_by_name_standard_input_and_windows_files_alike(run, orders, tmp_path, monkeypatch):
    raw = orders.read_bytes()
    packed, windows = tmp_path / "orders.jsonl.gz", tmp_path / "windows.jsonl"
    packed.write_bytes(gzip.compress(raw))
    windows.write_bytes(b"\xef\xbb\xbf" + raw.replace(b"\n", b"\r\n\r\n"))
    written = []
    for number, source in enumerate((orders, packed, windows, "-")):
        out = tmp_path / f"{number}.jsonl"
        with orders.open() as piped, monkeypatch.context() as patch:
            patch.setattr(sys, "stdin", piped)
            assert run("replay", source, "--out", out, "--json")[0] == 0
        written.append(out.read_bytes())
    assert written[0]
    assert len(set(written)) == 1


def test_replay_can_write_alerts_to_standard_output(run, orders):
    code, out, err = run("replay", orders, "--out", "-")
    assert code == 0
    assert all(json.loads(line)["specversion"] == "1.0" for line in out.splitlines())
    assert "events/s" in err


def test_a_truncated_gzip_ends_with_2_and_one_line(run, orders, tmp_path):
    packed = tmp_path / "orders.jsonl.gz"
    packed.write_bytes(gzip.compress(orders.read_bytes())[:-2000])
    code, _, err = run("replay", packed)
    assert code == 2
    assert "cannot be read to its end" in one_line(err)


def test_replay_does_not_overwrite_what_it_reads(run, orders):
    before = orders.read_bytes()
    code, _, err = run("replay", orders, "--out", orders)
    assert code == 2
    assert "--out" in one_line(err)
    assert orders.read_bytes() == before


def test_bad_lines_are_counted_and_the_rest_goes_on(run, tmp_path):
    path = tmp_path / "orders.jsonl"
    good = b'{"event_id":"e%d","event_type":"order.approved",'
    good += b'"order_id":"o1","occurred_at":"2026-03-02T16:00:00Z"}'
    bad = [b"{", b"\xff\xfe", b"null", b"[]", b'{"event_type":"order.sung"}', b"x" * 3_000_000]
    lines = [line for number, wrong in enumerate(bad) for line in (wrong, good % number)]
    path.write_bytes(b"\n".join(lines))
    code, out, _ = run("replay", path, "--json")
    summary = json.loads(out)
    assert code == 0
    assert (summary["events"], summary["invalid"]) == (len(bad), len(bad))


def test_an_empty_file_is_a_stream_that_ended_at_once(run, tmp_path):
    (tmp_path / "empty.jsonl").touch()
    code, out, _ = run("replay", tmp_path / "empty.jsonl", "--json")
    assert code == 0
    assert json.loads(out)["events"] == 0


def test_the_same_seed_gives_the_same_bytes(run, tmp_path):
    def simulated(name, seed):
        path = tmp_path / name
        assert run("simulate", "--hours", "0.5", "--seed", seed, "--out", path)[0] == 0
        return path.read_bytes()

    assert simulated("one.jsonl.gz", 7) == simulated("other.jsonl.gz", 7) != simulated("third.jsonl.gz", 8)


def test_simulate_says_what_it_injected(run, tmp_path):
    labels = tmp_path / "labels.jsonl"
    written = run("simulate", "--hours", "2", "--incident", "price_typo@1", "--labels", labels)
    assert written[0] == 0
    assert [json.loads(line)["incident"] for line in labels.read_text().splitlines()] == ["price_typo"]


def test_simulate_keeps_the_pace_that_it_is_given(run, tmp_path):
    began = time.monotonic()
    assert run("simulate", "--hours", "0.5", "--speed", "1500", "--out", tmp_path / "orders.jsonl")[0] == 0
    assert time.monotonic() - began > 1.0


@pytest.mark.parametrize("command", ["simulate --hours 2", "replay {orders} --out -"])
def test_a_reader_that_leaves_is_no_failure(orders, command):
    done = subprocess.run(
        f"set -o pipefail; {ORDERWATCH} {command.format(orders=orders)} | head -n 1",
        shell=True,
        executable="/bin/bash",
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert json.loads(done.stdout)


@pytest.fixture(scope="module")
def services():
    with embedded_services() as started:
        yield started


async def _publish(settings, event):
    channel = AlertChannel(settings)
    data = json.dumps(event).encode()
    await channel.publish([Alert("a1", "price.jump", "high", "firing", "f1", 1_772_467_200_000, data)])
    await channel.close()


def test_alerts_shows_what_stands_in_redis(services, monkeypatch):
    monkeypatch.setenv("ORDERWATCH_REDIS__URL", services.redis_url)
    event = {
        "specversion": "1.0",
        "id": "a1",
        "time": "2026-03-02T16:00:00Z",
        "data": {
            "status": "firing",
            "kind": "price.jump",
            "severity": "high",
            "summary": "Ten times the price.",
        },
    }
    asyncio.run(_publish(load().redis, event))
    shown, as_json = (
        subprocess.run([ORDERWATCH, "alerts", *more], check=True, capture_output=True, text=True).stdout
        for more in ([], ["--json"])
    )
    assert "Ten times the price." in shown
    assert [json.loads(line) for line in as_json.splitlines()] == [event]


def test_alerts_says_in_one_line_that_redis_is_not_there(run, monkeypatch):
    monkeypatch.setenv("ORDERWATCH_REDIS__URL", "redis://127.0.0.1:1/0")
    code, _, err = run("alerts")
    assert code == 1
    assert "127.0.0.1:1" in one_line(err)


def test_a_worker_ends_cleanly_when_it_is_told_to():
    worker = subprocess.Popen([ORDERWATCH, "worker", "--embedded"], stderr=subprocess.PIPE, text=True)
    assert worker.stderr is not None
    first = worker.stderr.readline()
    worker.send_signal(signal.SIGTERM)
    _, rest = worker.communicate(timeout=60)
    assert "reads Kafka at 127.0.0.1:" in first
    assert worker.returncode == 0, rest
    assert "0 events" in rest
