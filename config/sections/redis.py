"""Where alerts are delivered."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr

from config.sections.section import Count, Name, Seconds, Section


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
