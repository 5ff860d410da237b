"""Where orders come from and alerts are kept: the broker, its topics, and how a worker is a member of the group."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, StringConstraints, model_validator

from config.sections.section import Count, Name, Seconds, Section

Brokers = Annotated[str, StringConstraints(pattern=r"^[^\s,:/@]+:\d{1,5}(,[^\s,:/@]+:\d{1,5})*$")]


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
