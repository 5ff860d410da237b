"""The sections of the settings: one frozen class each, every field with its unit.

No field has a default here (save secrets, which no file may hold): the values stand in `default.yaml`,
once, beside the comment that explains them.
"""

from __future__ import annotations

from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    StringConstraints,
    model_validator,
)

Family = Literal[
    "price",
    "volume",
    "latency",
    "promotion",
    "payment",
    "inventory",
    "logistics",
    "information",
    "duplicate",
    "missing",
    "process",
    "system",
    "behaviour",
]
Count = Annotated[int, Field(ge=1, le=2**31 - 1)]
PerDay = Annotated[int, Field(ge=0, le=100_000)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Wait = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Score = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Weight = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9._:-]+$", max_length=200)]
Brokers = Annotated[str, StringConstraints(pattern=r"^[^\s,:/@]+:\d{1,5}(,[^\s,:/@]+:\d{1,5})*$")]


class Section(BaseModel):
    """A group of settings: frozen, and closed to keys it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class KafkaSettings(Section):
    """The broker, the topics and the consumer group."""

    brokers: Brokers
    orders_topic: Name
    dlq_topic: Name
    alerts_topic: Name
    control_topic: Name
    group: Name
    partitions: Count
    replication_factor: Count
    max_poll_records: Count
    fetch_max_wait_ms: Annotated[int, Field(ge=1, le=30_000)]
    session_timeout_seconds: Seconds
    heartbeat_interval_seconds: Seconds
    rebalance_timeout_seconds: Seconds
    commit_interval_seconds: Seconds
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"]
    sasl_username: SecretStr | None = None
    sasl_password: SecretStr | None = None
    ssl_cafile: Path | None

    @model_validator(mode="after")
    def _heartbeats_fit_in_the_session(self) -> Self:
        # Kafka's own advice: a member may miss two heartbeats and still be alive at the third
        if self.heartbeat_interval_seconds * 3 > self.session_timeout_seconds:
            raise ValueError(
                f"heartbeat_interval_seconds {self.heartbeat_interval_seconds:g} must be at most a third of "
                f"session_timeout_seconds {self.session_timeout_seconds:g}"
            )
        return self

    @model_validator(mode="after")
    def _sasl_has_its_secrets(self) -> Self:
        if self.security_protocol.startswith("SASL"):
            for secret in ("sasl_username", "sasl_password"):
                if getattr(self, secret) is None:
                    raise ValueError(
                        f"security_protocol {self.security_protocol} needs {secret}: "
                        f"set ORDERWATCH_KAFKA__{secret.upper()} in the environment"
                    )
        return self


def _without_credentials(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in {"redis", "rediss", "unix"}:
        raise ValueError("must begin with redis://, rediss:// (TLS) or unix://")
    if parts.username or parts.password:
        raise ValueError(
            "must hold no user and no password: set ORDERWATCH_REDIS__USERNAME and ORDERWATCH_REDIS__PASSWORD"
        )
    return url


class RedisSettings(Section):
    """Where alerts are delivered."""

    url: Annotated[str, AfterValidator(_without_credentials)]
    username: SecretStr | None = None
    password: SecretStr | None = None
    ssl_cafile: Path | None
    ssl_certfile: Path | None
    ssl_keyfile: Path | None
    stream: Name
    channel: Name
    stream_max_entries: Count
    claim_ttl_seconds: Count
    retry_seconds: Seconds


class DecodeSettings(Section):
    """What is still an event, and what is a dead letter."""

    max_event_bytes: Count
    earliest: AwareDatetime
    max_ahead_seconds: Seconds
    duplicate_window_events: Count

    @property
    def earliest_ms(self) -> int:
        """`earliest` in milliseconds since 1970-01-01 UTC."""
        return round(self.earliest.timestamp() * 1000)


def _is_timezone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, OSError, KeyError) as error:
        raise ValueError("must be a time zone of the IANA list, such as UTC or Asia/Shanghai") from error
    return name


class TimeSettings(Section):
    """Event time: how long is waited, and how it is cut."""

    allowed_lateness_seconds: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    pane_seconds: Count
    idle_source_seconds: Seconds
    business_timezone: Annotated[str, AfterValidator(_is_timezone)]
    calendar_file: Path | None


class StateSettings(Section):
    """Most live keys of each kind, per partition; the least recently seen goes first."""

    max_orders: Count
    max_products: Count
    max_customers: Count
    max_sellers: Count
    max_promotions: Count
    max_routes: Count


class StageSettings(Section):
    """How long each stage of an order may take after the one before it; 0: it is not waited for.

    `reconciled` and `refunded` are grace times: for systems to agree on an order, and for money to go back.
    """

    paid_within_seconds: Wait
    approved_within_seconds: Wait
    shipped_within_seconds: Wait
    delivered_within_seconds: Wait
    reconciled_within_seconds: Wait
    refunded_within_seconds: Wait

    @property
    def limits_seconds(self) -> dict[str, float]:
        """The limits by stage."""
        return {field.removesuffix("_within_seconds"): limit for field, limit in self}


class PartSettings(Section):
    """One part: whether it runs, and the parameters that its own class checks."""

    on: bool
    params: dict[str, Any] = {}


class WeightedPartSettings(PartSettings):
    """A rule or a detector: also how much its word counts in the verdict."""

    weight: Weight = 1.0


class DetectorSettings(WeightedPartSettings):
    """A detector: also the features that a multivariate one reads, one column each.

    `model` : `name` or `name@version` in the registry, which then brings parameters and features.
    """

    features: tuple[str, ...] = ()
    model: str | None = None


class JudgeSettings(Section):
    """From which calibrated score a verdict is an alert."""

    alert_score: Score
    family_alert_score: dict[Family, Score]

    def alert_score_of(self, family: Family) -> float:
        """Score from which a verdict of `family` (`price`, `volume`, …) is an alert."""
        return self.family_alert_score.get(family, self.alert_score)


class AlertSettings(Section):
    """How verdicts become few alerts."""

    policy_file: Path | None
    budget_per_day: PerDay
    family_budget_per_day: dict[Family, PerDay]
    cooldown_seconds: Seconds
    resolve_after_seconds: Seconds
    max_order_ids: Annotated[int, Field(ge=0, le=20)]

    def budget_per_day_of(self, family: Family) -> int:
        """Most alerts of `family` (`price`, `volume`, …) that fire within any 24 hours."""
        return self.family_budget_per_day.get(family, self.budget_per_day)


class CheckpointSettings(Section):
    """Whether and how often a worker saves what it has learned."""

    on: bool
    interval_seconds: Seconds


class ShuffleSettings(Section):
    """Whether several workers share the partitions."""

    on: bool
    word_seconds: Seconds


class FeatureLogSettings(Section):
    """What a worker writes of the orders it has scored, for training."""

    on: bool
    topic: Name
    sample: Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
    every_seconds: Seconds
    archive: str | None


class FeedbackSettings(Section):
    """Analysts' verdicts on alerts: what follows of them online, and when silence is a label."""

    on: bool
    topic: Name
    step_decades: Annotated[float, Field(ge=0, le=4, allow_inf_nan=False)]
    max_decades: Annotated[float, Field(ge=0, le=8, allow_inf_nan=False)]
    keep_seconds: Seconds
    suppress_seconds: Seconds
    loss_limit: Wait
    maturity_seconds: Wait


class DriftSettings(Section):
    """How `orderwatch drift` compares, and how much is a drift."""

    reference_rows: Count
    window_rows: Count
    min_psi: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    min_ks: Score
    min_missing: Score
    alert_p: Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]
    resolve_after_seconds: Seconds
    ignored: tuple[str, ...]


class PromotionSettings(Section):
    """The register of promotions, if there is one."""

    file: Path | None


class PromotionPolicy(Section):
    """What a challenger's shadow run must show before it is promoted; None: it is not asked about."""

    min_orders: Annotated[int, Field(ge=0)] | None
    min_agreement: Score | None
    max_alert_rate_ratio: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None
    max_cost_ratio: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None
    min_labelled: Annotated[int, Field(ge=0)] | None
    max_precision_loss: Score | None
    max_recall_loss: Score | None


class ModelSettings(Section):
    """Where trained models are kept, which of them serve in spite of what they were trained on, and which may."""

    registry: str | None
    accept_skew: tuple[str, ...]
    shadow: Annotated[int, Field(ge=0, le=8)]
    promotion: PromotionPolicy


class WebSettings(Section):
    """Health and metrics of a worker over HTTP."""

    on: bool
    host: Name
    port: Annotated[int, Field(ge=0, le=65_535)]
    token: SecretStr | None = Field(None, min_length=16)
    stuck_after_seconds: Seconds

    @model_validator(mode="after")
    def _strangers_need_a_token(self) -> Self:
        if self.on and self.token is None and not _is_loopback(self.host):
            raise ValueError(
                f"host {self.host} can be reached from other machines, so it needs a token: "
                "set ORDERWATCH_WEB__TOKEN in the environment (16 characters or more), or host 127.0.0.1"
            )
        return self


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


class LogSettings(Section):
    """What a worker writes to standard error, and how often it says the same."""

    format: Literal["text", "json"]
    repeat_seconds: Wait
