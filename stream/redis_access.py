"""How a Redis server is reached: address, user, TLS and patience, for clients of either kind."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from pydantic import SecretStr

    from config.sections import RedisSettings

_ANSWER_SECONDS: Final = 5.0


def access(settings: RedisSettings) -> dict[str, Any]:
    """The arguments of `Redis.from_url`, of redis.asyncio or of redis.

    It gives up quickly: waiting for a server that is away is the caller's business.
    """
    return {
        "url": settings.url,
        "username": _secret(settings.username),
        "password": _secret(settings.password),
        "socket_timeout": _ANSWER_SECONDS,
        "socket_connect_timeout": _ANSWER_SECONDS,
        **_tls(settings),
    }


def _tls(settings: RedisSettings) -> dict[str, Any]:
    """What a `rediss://` address adds: whom we trust, and who we are if the server asks."""
    if not settings.url.startswith("rediss://"):
        return {}
    return {
        "ssl_cert_reqs": "required",
        "ssl_check_hostname": True,
        "ssl_ca_certs": _path(settings.ssl_cafile),
        "ssl_certfile": _path(settings.ssl_certfile),
        "ssl_keyfile": _path(settings.ssl_keyfile),
    }


def _secret(value: SecretStr | None) -> str | None:
    return None if value is None else value.get_secret_value()


def _path(value: object) -> str | None:
    return None if value is None else str(value)
