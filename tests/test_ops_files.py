"""What operators are given: alert rules, dashboard, compose and Kubernetes files, each held to what is really there."""

from __future__ import annotations

import asyncio
import json
import re
import shutil
import subprocess
from pathlib import Path
from string import Template
from types import SimpleNamespace

import kubernetes_validate
import pytest
import yaml
from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from config.settings import load
from models.warm_up import WarmUp
from stream.checkpoint.metrics import CheckpointMetrics
from stream.engine.app import create_app
from stream.engine.control_metrics import ControlMetrics
from stream.engine.feature_writer import FeatureWriter
from stream.engine.feedback_reader import FeedbackReader
from stream.engine.health import HealthCheck
from stream.engine.metrics import Observer
from stream.feature_log import FeatureLog
from stream.shadow import ShadowReport
from tests.parts.every_order import EveryOrder

ROOT = Path(__file__).parent.parent
OPS = ROOT / "config" / "ops"
RULES = OPS / "prometheus" / "rules.yaml"
PROMETHEUS = OPS / "prometheus" / "prometheus.yaml"
DASHBOARD = json.loads((OPS / "grafana" / "dashboard.json").read_text())
COMPOSE = yaml.safe_load((ROOT / "compose.yaml").read_text())
KUBERNETES = OPS / "kubernetes"
SECRET = re.compile(r"\$\{(\w+_PASSWORD):\?see the head of compose.yaml\}")
PROMTOOL = shutil.which("promtool")
needs_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool is not on PATH; on Debian: apt-get install prometheus"
)


def exposed() -> bytes:
    """What a worker answers to /metrics, before it has started."""

    async def run() -> bytes:
        settings = load()
        judge = EveryOrder()
        judge.held_back, judge.evicted = {"price": 1}, {"product": 1}
        judge.warming_up = {"all_orders": WarmUp(13, 24, "hours")}
        app = create_app(settings, judge)
        has_all_parts(app, settings)  # a judge that only counts has nothing to save, to serve or to log
        observer = Observer(app, judge, settings.kafka.orders_topic, HealthCheck(60))
        try:
            return generate_latest(observer.registry)
        finally:
            await app.alert_channel.close()

    return asyncio.run(run())


def has_all_parts(app, settings) -> None:
    """Have the metrics of a worker that serves a model beside a challenger, hears analysts, and logs what it scored."""
    registry = app.publish_metrics.registry
    CheckpointMetrics(registry)
    names = {"detector": "trees", "champion": "a@1", "challenger": "a@2", "run": "1"}
    counts = {"orders": 9, "champion_alerts": 2, "challenger_alerts": 2, "agreeing": 1, "rank_correlation": 0.5}
    report = ShadowReport(**names, **counts, alert_score=0.99, champion_us=2.0, challenger_us=3.0)
    shadow = SimpleNamespace(report=lambda: report)
    ControlMetrics(registry, SimpleNamespace(models={"trees": "a@1"}, skew={"trees": 1}, shadows=[shadow]))
    hidden = SimpleNamespace(count=3, currency="EUR", loss_e4=50_000)
    one = SimpleNamespace(feedback=SimpleNamespace(kind="price.low"), hidden=hidden, holds=lambda now_ms: True)
    effect = SimpleNamespace(suppressions=lambda: [one], held_back=4)
    registry.register(FeedbackReader(settings, effect, lambda: 0, lambda key, value: None))
    FeatureWriter(FeatureLog(settings), app.flow._publisher, 1.0)


@pytest.fixture(scope="module")
def samples() -> dict[str, set[str]]:
    """Name of each sample that a worker exposes -> its labels; those that Prometheus adds are left out."""
    found: dict[str, set[str]] = {}
    for family in text_string_to_metric_families(exposed().decode()):
        # a metric by partition has no sample yet
        for name in {one.name for one in family.samples} or {family.name}:
            labels = {label for one in family.samples if one.name == name for label in one.labels}
            found[name] = labels or ({"partition"} if not family.samples else set())
    return found


def rules() -> list[dict[str, object]]:
    return [rule for group in yaml.safe_load(RULES.read_text())["groups"] for rule in group["rules"]]


def panels() -> list[tuple[str, str]]:
    """Title and expression of each curve."""
    return [(panel["title"], target["expr"]) for panel in DASHBOARD["panels"] for target in panel["targets"]]


EXPRESSIONS = [*((rule["alert"], rule["expr"]) for rule in rules()), *panels()]


# --- metrics, rules, dashboard -------------------------------------------------------------------


def test_metrics_are_named_as_prometheus_asks(samples):
    kinds = {family.name: family.type for family in text_string_to_metric_families(exposed().decode())}
    assert all(name.startswith("orderwatch_") for name in kinds)
    assert all(name + "_total" in samples for name, kind in kinds.items() if kind == "counter")
    assert all(name.endswith("_seconds") for name, kind in kinds.items() if kind == "histogram")
    assert not [name for name in kinds if re.search(r"_(ms|millis|kb|mb|count|minutes)$", name)]


@pytest.mark.parametrize(("what", "expression"), EXPRESSIONS, ids=lambda value: value[:30])
def test_each_expression_asks_for_what_a_worker_exposes(samples, what, expression):
    names = set(re.findall(r"\borderwatch_\w+", expression))
    assert names <= samples.keys()
    assert names or "up{" in expression
    labels = {label for group in re.findall(r"\bby \(([^)]*)\)", expression) for label in re.findall(r"\w+", group)}
    assert labels <= {"instance", "job"}.union(*(samples[name] for name in names))
    assert all(expression.count(one) == expression.count(other) for one, other in ("()", "[]", "{}"))


def test_each_rule_says_how_bad_it_is_and_what_it_means():
    assert len({rule["alert"] for rule in rules()}) == len(rules())
    for rule in rules():
        assert rule["labels"]["severity"] in {"critical", "high", "medium", "low"}
        assert len(rule["annotations"]["summary"]) > 20


def test_the_runbook_knows_each_rule():
    runbook = (ROOT / "README.md").read_text()
    assert [rule["alert"] for rule in rules() if rule["alert"] not in runbook] == []


def test_the_dashboard_has_no_overlap_and_one_data_source():
    cells = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
        for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    [source] = yaml.safe_load((OPS / "grafana" / "datasource.yaml").read_text())["datasources"]
    assert {panel["datasource"]["uid"] for panel in DASHBOARD["panels"]} == {source["uid"]}


def promtool(*arguments, **options) -> str:
    done = subprocess.run([PROMTOOL, *map(str, arguments)], capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@needs_promtool
def test_prometheus_takes_rules_configuration_dashboard_and_metrics(tmp_path):
    promtool("check", "rules", RULES)
    token, config, curves = tmp_path / "token", tmp_path / "prometheus.yaml", tmp_path / "curves.yaml"
    token.write_text("t")
    text = PROMETHEUS.read_text().replace("/run/secrets/web_token", str(token))
    config.write_text(text.replace("/etc/prometheus/rules.yaml", str(RULES)))
    promtool("check", "config", config)
    records = [
        {"record": f"curve{number}", "expr": expression.replace("$__rate_interval", "5m")}
        for number, (_, expression) in enumerate(panels())
    ]
    curves.write_text(yaml.safe_dump({"groups": [{"name": "curves", "rules": records}]}))
    promtool("check", "rules", curves)
    promtool("check", "metrics", input=exposed().decode())


@needs_promtool
def test_rules_fire_for_what_they_are_named_after_and_not_for_a_healthy_worker(tmp_path):
    def series(name, values, labels='instance="w",job="orderwatch"'):
        return {"series": f"{name}{{{labels}}}", "values": values}

    quiet = [series("up", "1x60"), series("orderwatch_live", "1x60"), series("orderwatch_still_seconds", "0x60")]
    target = 'instance="w",job="orderwatch",target="Redis"'
    stuck = [quiet[0], series("orderwatch_live", "1x5 0x55"), series("orderwatch_still_seconds", "0x5 30+60x54")]
    away = [*quiet, series("orderwatch_publish_failures_total", "0+60x60", target)]
    kind, model = 'job="orderwatch",kind="order"', 'job="orderwatch",detector="trees"'
    flood = [*quiet, series("orderwatch_keys_evicted_total", "0+5000x60", kind)]
    refused = [*quiet, series("orderwatch_model_reloads_total", "0x5 1x55", f'{model},outcome="refused"')]
    differ = [*quiet, *(series("orderwatch_model_info", "1x60", f'{model},instance="{n}",model="a@{n}"') for n in "12")]
    one_left = [*quiet, series("orderwatch_ready", "1x60"), series("orderwatch_ready", "1x5 0x55", 'instance="v"')]
    cases = [
        ([], ["OrderwatchDown"]),
        (quiet, []),
        (stuck, ["OrderwatchStuck"]),
        (away, ["OrderwatchNotDelivering"]),
        (flood, ["OrderwatchKeyFlood"]),
        (refused, ["OrderwatchModelRefused"]),
        (differ, ["OrderwatchModelsDiffer"]),
        (one_left, ["OrderwatchNoStandby"]),
    ]
    names = [str(rule["alert"]) for rule in rules()]
    tests = [
        {"interval": "1m", "input_series": given, "promql_expr_test": [fired(name, name in expected) for name in names]}
        for given, expected in cases
    ]
    file = tmp_path / "tests.yaml"
    file.write_text(yaml.safe_dump({"rule_files": [str(RULES)], "tests": tests}))
    promtool("test", "rules", file)


def fired(name: str, is_so: bool) -> dict[str, object]:
    expression = f'count(ALERTS{{alertname="{name}",alertstate="firing"}})'
    return {"expr": expression, "eval_time": "30m", "exp_samples": [{"labels": "{}", "value": 1}] if is_so else []}


# --- compose -------------------------------------------------------------------------------------


def test_compose_has_every_part_and_mounts_what_is_there():
    services = COMPOSE["services"]
    assert {"kafka", "redis", "worker-1", "worker-2", "prometheus", "grafana"} <= services.keys()
    for service in services.values():
        for volume in service.get("volumes", []):
            source, _, _ = volume.partition(":")
            assert (ROOT / source).is_file() if source.startswith(".") else source in COMPOSE["volumes"]
        for port in service.get("ports", []):
            assert port.startswith("127.0.0.1:")
        for other in service.get("depends_on", []):
            assert other in services


def test_compose_has_no_password_and_its_workers_settings_are_good(monkeypatch):
    text = (ROOT / "compose.yaml").read_text()
    assert SECRET.findall(text)
    assert not re.search(r"PASSWORD: (?!\$\{)", text)
    asked = set(re.search(r"for name in ([A-Z ]+)", text)[1].split())
    assert {f"{name}_PASSWORD" for name in asked} == set(SECRET.findall(text))
    for name, value in COMPOSE["services"]["worker-1"]["environment"].items():
        monkeypatch.setenv(name, SECRET.sub("a-password-of-32-characters-here", value))
    settings = load()
    assert (settings.web.on, settings.log.format) == (True, "json")


def test_prometheus_asks_the_workers_of_compose():
    [job] = yaml.safe_load(PROMETHEUS.read_text())["scrape_configs"]
    [targets] = job["static_configs"]
    workers = sorted(name for name in COMPOSE["services"] if name.startswith("worker-"))
    assert targets["targets"] == [f"{name}:{load().web.port}" for name in workers]


def test_the_redis_of_compose_writes_the_users_with_their_passwords(tmp_path):
    redis = COMPOSE["services"]["redis"]
    users = (OPS / "redis" / "users.acl").read_text()
    passwords = {name: f"pass-{name.lower()}" for name in redis["environment"]}
    assert set(re.findall(r"\$\{(\w+)\}", users)) == passwords.keys()
    written = tmp_path / "users.acl"
    script = redis["command"][2].replace("$$", "$").replace("/run/users.acl", str(written))
    script = script.replace("/users.acl)", f"{OPS}/redis/users.acl)").replace("chown redis", "chmod u+r")
    script = script.replace("exec docker-entrypoint.sh redis-server", "true")
    subprocess.run(["sh", "-c", script], env={"PATH": "/usr/bin:/bin", **passwords}, check=True)
    assert written.read_text() == Template(users).substitute(passwords)
    assert written.stat().st_mode & 0o077 == 0


# --- Kubernetes ----------------------------------------------------------------------------------


def manifests() -> dict[tuple[str, str], dict[str, object]]:
    """Kind and name -> what is applied."""
    kustomization = yaml.safe_load((KUBERNETES / "kustomization.yaml").read_text())
    assert {path.name for path in KUBERNETES.glob("*.yaml")} == {
        "kustomization.yaml", "site.yaml", *kustomization["resources"]
    }  # fmt: skip
    found = [
        each for name in kustomization["resources"] for each in yaml.safe_load_all((KUBERNETES / name).read_text())
    ]
    return {(each["kind"], each["metadata"]["name"]): each for each in found}


OURS = ("Deployment", "orderwatch")


def test_kubernetes_takes_the_manifests():
    of_kubernetes = [each for each in manifests().values() if not each["apiVersion"].startswith("keda.sh/")]
    assert {each["kind"] for each in of_kubernetes} == {"Deployment", "Service", "PodDisruptionBudget", "NetworkPolicy"}
    for manifest in of_kubernetes:
        kubernetes_validate.validate(manifest, kubernetes_validate.latest_version(), strict=True)


def test_the_schema_check_would_notice():
    wrong = manifests()[OURS]
    wrong["spec"]["template"]["spec"]["containers"][0]["livenesProbe"] = {}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, kubernetes_validate.latest_version(), strict=True)


def test_manifests_select_the_pods_that_are_made_and_name_what_is_there():
    found = manifests()
    template = found[OURS]["spec"]["template"]
    labels = template["metadata"]["labels"]
    assert found[OURS]["spec"]["selector"]["matchLabels"] == labels
    assert found["PodDisruptionBudget", "orderwatch"]["spec"]["selector"]["matchLabels"] == labels
    assert found["NetworkPolicy", "orderwatch"]["spec"]["podSelector"]["matchLabels"] == labels
    assert found["Service", "orderwatch"]["spec"]["selector"] == labels
    [container] = template["spec"]["containers"]
    assert {mount["name"] for mount in container["volumeMounts"]} == {
        each["name"] for each in template["spec"]["volumes"]
    }
    assert container["ports"][0]["containerPort"] == load().web.port
    keys = {each["valueFrom"]["secretKeyRef"]["key"] for each in container["env"] if "valueFrom" in each}
    keys |= {each["key"] for each in found["TriggerAuthentication", "orderwatch"]["spec"]["secretTargetRef"]}
    told = (KUBERNETES / "kustomization.yaml").read_text()
    assert keys == set(re.findall(r"--from-(?:literal|file)=(kafka-\w+|redis-\w+|web-\w+)=", told))


def test_the_autoscaler_watches_the_lag_of_our_group_and_stays_within_the_partitions(monkeypatch):
    settings = site(monkeypatch)
    spec = manifests()["ScaledObject", "orderwatch"]["spec"]
    [trigger] = spec["triggers"]
    asked = trigger["metadata"]
    assert spec["scaleTargetRef"]["name"] == OURS[1]
    assert (asked["consumerGroup"], asked["topic"]) == (settings.kafka.group, settings.kafka.orders_topic)
    assert asked["bootstrapServers"] == settings.kafka.brokers
    assert spec["minReplicaCount"] == spec["maxReplicaCount"] == 2  # one watches, one stands by
    assert int(asked["lagThreshold"]) > 0


def test_the_site_of_the_manifests_is_good_and_holds_no_secret(monkeypatch):
    settings = site(monkeypatch)
    assert settings.kafka.security_protocol == "SASL_SSL"
    assert settings.redis.url.startswith("rediss://")
    assert settings.web.on


def site(monkeypatch):
    """The settings of a worker in the cluster."""
    [container] = manifests()[OURS]["spec"]["template"]["spec"]["containers"]
    for variable in container["env"]:
        if variable["name"] not in {"ORDERWATCH_CONFIG", "NUMBA_CACHE_DIR"}:
            monkeypatch.setenv(variable["name"], variable.get("value", "a-secret-of-32-characters-indeed"))
    return load(KUBERNETES / "site.yaml")
