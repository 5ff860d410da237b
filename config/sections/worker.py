"""How a worker runs: whether it saves its state and shares the work, how it is watched, and what it writes."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Annotated, Literal, Self

from pydantic import Field, SecretStr, model_validator

from config.sections.section import Name, Seconds, Section, Wait


class CheckpointSettings(Section):
    """Whether and how often a worker saves what it has learned."""

    on: bool
    interval_seconds: Seconds


class ShuffleSettings(Section):
    """Whether several workers share the partitions."""

    on: bool
    word_seconds: Seconds


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
